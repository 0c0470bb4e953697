/*
 * Calls that make descriptors of no interest by themselves: what was known of the number is over.
 * Invariant: only the table changes.
 */
#include "olly.h"

/* Dormant calls leave stale words behind; the next activation makes them all stale anyway. */
#define OLLY__MAKER(result, name, parameters, arguments, raw) \
    OLLY_HOOK(result, name, parameters, arguments) {          \
        result made = olly_real.name arguments;               \
        olly_table_reset(made);                               \
        return made;                                          \
    }
OLLY_REAL_MAKERS(OLLY__MAKER)

#define OLLY__PAIR_MAKER(result, name, parameters, arguments, raw) \
    OLLY_HOOK(result, name, parameters, arguments) {               \
        result made = olly_real.name arguments;                    \
        if (made == 0) {                                           \
            olly_table_reset(pair[0]);                             \
            olly_table_reset(pair[1]);                             \
        }                                                          \
        return made;                                               \
    }
OLLY_REAL_PAIR_MAKERS(OLLY__PAIR_MAKER)
