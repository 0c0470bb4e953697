/* What the suite says to a program that goes step by step. */
#ifndef OLLY_TEST_STEPS_H
#define OLLY_TEST_STEPS_H

/* Answered past the hooks: whatever came before it has been told. */
#define STEP_IS_TOLD '.'

#endif
