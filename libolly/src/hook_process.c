/*
 * syscall() and vfork(), two functions that only assembly can stand in front of, prctl() and
 * chroot().
 * Invariant: the two leave by a jump, with the registers and the stack as the caller set them:
 * vfork returns twice through the caller's frame, syscall() has no prototype that C could forward.
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "olly.h"

void *olly_vfork_target(void);
void olly_syscall_seen(long number, long a, long b, const void *c);
long olly_syscall_messages(long number, long a, long b, long c, long d, long e);

/* Dormant too: a filter that is there when tracing starts would end the program. */
OLLY_HOOK_ALWAYS(int, prctl, (int option, long a, long b, long c, long d)) {
    if (option != PR_SET_SECCOMP) {
        return olly_real.prctl(option, a, b, c, d);
    }
    const struct olly_control_page *page = olly_confined();
    int result = olly_real.prctl(option, a, b, c, d);
    if (result != 0) {
        olly_not_confined(page);
    }
    return result;
}

/* From the assembly of syscall(): libuv closes descriptors that way, libseccomp installs filters
 * and asks what there is, the latter without arguments. */
void olly_syscall_seen(long number, long a, long b, const void *c) {
    (void)b;
    if (number == SYS_close) {
        if (!olly_dormant()) {
            olly_table_closing((int)a);
        }
    } else if (number == SYS_prctl ? a == PR_SET_SECCOMP
                                   : a == SECCOMP_SET_MODE_STRICT ||
                                         (a == SECCOMP_SET_MODE_FILTER && c != NULL)) {
        olly_confined();
    }
}

/* The assembly of syscall() goes on here: libuv before 1.45 sends and receives datagrams that way.
 * Six words come in registers on both architectures, and the calls have five and their number. */
long olly_syscall_messages(long number, long a, long b, long c, long d, long e) {
    int fd = (int)a;
    bool sends = number == SYS_sendmmsg;
    if (olly_dormant() || !olly_wants(fd, sends)) {
        return olly_real.syscall(number, a, b, c, d, e, 0);
    }
    const struct mmsghdr *messages = (const struct mmsghdr *)b;
    uint64_t time = sends ? olly_now() : 0;
    long moved = olly_real.syscall(number, a, b, c, d, e, 0);
    if (sends) {
        olly_messages_sent(fd, messages, (int)moved, (int)d, time);
    } else {
        olly_messages_received(fd, messages, (int)moved, (int)d);
    }
    return moved;
}

/* Not seen: pivot_root and namespaces of a program's own. */
OLLY_HOOK_ALWAYS(int, chroot, (const char *path)) {
    olly_register_while_reachable();
    return olly_real.chroot(path);
}

static long olly__fork_raw(void) {
    return olly_with_errno(olly_raw(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

/* The pid has to be known before the child exists: it shares our memory, and must not be taken
 * for the process that owns it. */
void *olly_vfork_target(void) {
    if (OLLY_GET(olly_process->pid) == 0 && olly_control_is_mapped()) {
        OLLY_SET(olly_process->pid, (uint32_t)olly_raw(SYS_getpid));
    }
    void *real = olly_other(OLLY_OTHER_vfork);
    return real != NULL ? real : (void *)olly__fork_raw;
}

_Static_assert(offsetof(struct olly_real_functions, syscall) == 0,
               "the assembly below jumps to the first member of olly_real");

#if defined(__x86_64__)
_Static_assert(SYS_close == 3 && SYS_prctl == 157 && SYS_seccomp == 317 && SYS_sendmmsg == 307 &&
                   SYS_recvmmsg == 299,
               "in the assembly below");
#define OLLY__PUSH(name) "  pushq %" name "\n  .cfi_adjust_cfa_offset 8\n"
#define OLLY__POP(name) "  popq %" name "\n  .cfi_adjust_cfa_offset -8\n"
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        ".p2align 4\n"
        "syscall:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  cmpq $3, %rdi\n"
        "  je 1f\n"
        "  cmpq $157, %rdi\n"
        "  je 1f\n"
        "  cmpq $317, %rdi\n"
        "  je 1f\n"
        "  cmpq $307, %rdi\n"
        "  je olly_syscall_messages\n"
        "  cmpq $299, %rdi\n"
        "  je olly_syscall_messages\n"
        "  jmp *olly_real(%rip)\n"
        "1:\n"
        OLLY__PUSH("rdi") OLLY__PUSH("rsi") OLLY__PUSH("rdx")
        OLLY__PUSH("rcx") OLLY__PUSH("r8") OLLY__PUSH("r9")
        "  subq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  call olly_syscall_seen\n"
        "  addq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset -8\n"
        OLLY__POP("r9") OLLY__POP("r8") OLLY__POP("rcx")
        OLLY__POP("rdx") OLLY__POP("rsi") OLLY__POP("rdi")
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
_Static_assert(SYS_close == 57 && SYS_prctl == 167 && SYS_seccomp == 277 && SYS_sendmmsg == 269 &&
                   SYS_recvmmsg == 243,
               "in the assembly below");
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        ".p2align 4\n"
        "syscall:\n"
        "  .cfi_startproc\n"
        "  hint #34\n"
        "  cmp x0, #57\n"
        "  b.eq 2f\n"
        "  cmp x0, #167\n"
        "  b.eq 2f\n"
        "  cmp x0, #277\n"
        "  b.eq 2f\n"
        "  cmp x0, #269\n"
        "  b.eq 3f\n"
        "  cmp x0, #243\n"
        "  b.ne 1f\n"
        "3:\n"
        "  b olly_syscall_messages\n"
        "2:\n"
        "  stp x29, x30, [sp, #-80]!\n"
        "  .cfi_def_cfa_offset 80\n"
        "  .cfi_offset 29, -80\n"
        "  .cfi_offset 30, -72\n"
        "  stp x0, x1, [sp, #16]\n"
        "  stp x2, x3, [sp, #32]\n"
        "  stp x4, x5, [sp, #48]\n"
        "  str x6, [sp, #64]\n"
        "  bl olly_syscall_seen\n"
        "  ldp x0, x1, [sp, #16]\n"
        "  ldp x2, x3, [sp, #32]\n"
        "  ldp x4, x5, [sp, #48]\n"
        "  ldr x6, [sp, #64]\n"
        "  ldp x29, x30, [sp], #80\n"
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
