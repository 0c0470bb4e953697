/*
 * syscall() and vfork(): two functions that only assembly can stand in front of.
 * Invariant: both leave by a jump, with the registers and the stack as the caller set them: vfork
 * returns twice through the caller's frame, syscall() has no prototype that C could forward.
 */
#include "olly.h"

void *olly_vfork_target(void);

static long olly__fork_raw(void) {
    return olly_with_errno(olly_raw(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

/* The pid has to be known before the child exists: it shares our memory, and must not be taken
 * for the process that owns it. */
void *olly_vfork_target(void) {
    static void *real;
    if (olly_process->pid == 0) {
        olly_process->pid = (uint32_t)olly_raw(SYS_getpid);
    }
    void *next = __atomic_load_n(&real, __ATOMIC_RELAXED);
    if (next == NULL) {
        next = olly_find_next("vfork");
        __atomic_store_n(&real, next, __ATOMIC_RELAXED);
    }
    return next != NULL ? next : (void *)olly__fork_raw;
}

_Static_assert(offsetof(struct olly_real_functions, syscall) == 0,
               "the assembly below jumps to the first member of olly_real");

#if defined(__x86_64__)
_Static_assert(SYS_close == 3, "the number in the assembly below");
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        ".p2align 4\n"
        "syscall:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  cmpq $3, %rdi\n"
        "  je 1f\n"
        "  jmp *olly_real(%rip)\n"
        "1:\n"
        "  pushq %rdi\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  pushq %rsi\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  subq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  movq %rsi, %rdi\n"
        "  call olly_syscall_close\n"
        "  addq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  popq %rsi\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  popq %rdi\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  jmp *olly_real(%rip)\n"
        "  .cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        ".p2align 4\n"
        "vfork:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  subq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  call olly_vfork_target\n"
        "  addq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  jmp *%rax\n"
        "  .cfi_endproc\n"
        ".size vfork, .-vfork\n");
#elif defined(__aarch64__)
_Static_assert(SYS_close == 57, "the number in the assembly below");
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        ".p2align 4\n"
        "syscall:\n"
        "  .cfi_startproc\n"
        "  hint #34\n"
        "  cmp x0, #57\n"
        "  b.ne 1f\n"
        "  stp x29, x30, [sp, #-32]!\n"
        "  .cfi_def_cfa_offset 32\n"
        "  .cfi_offset 29, -32\n"
        "  .cfi_offset 30, -24\n"
        "  stp x0, x1, [sp, #16]\n"
        "  mov x0, x1\n"
        "  bl olly_syscall_close\n"
        "  ldp x0, x1, [sp, #16]\n"
        "  ldp x29, x30, [sp], #32\n"
        "  .cfi_restore 30\n"
        "  .cfi_restore 29\n"
        "  .cfi_def_cfa_offset 0\n"
        "1:\n"
        "  adrp x16, olly_real\n"
        "  ldr x16, [x16, :lo12:olly_real]\n"
        "  br x16\n"
        "  .cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".globl vfork\n"
        ".type vfork, %function\n"
        ".p2align 4\n"
        "vfork:\n"
        "  .cfi_startproc\n"
        "  hint #34\n"
        "  stp x29, x30, [sp, #-16]!\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset 29, -16\n"
        "  .cfi_offset 30, -8\n"
        "  bl olly_vfork_target\n"
        "  mov x16, x0\n"
        "  ldp x29, x30, [sp], #16\n"
        "  .cfi_restore 30\n"
        "  .cfi_restore 29\n"
        "  .cfi_def_cfa_offset 0\n"
        "  br x16\n"
        "  .cfi_endproc\n"
        ".size vfork, .-vfork\n");
#endif
