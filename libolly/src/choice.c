/*
 * Whether this process is hooked at all, decided before anything is mapped.
 * Invariant: asks the environment and the loader only; a program that is left alone has made no
 * system call of ours. With LD_PRELOAD somebody asked for this program; without it the library came
 * by /etc/ld.so.preload, where every program of the host loads it.
 */
#include <sys/auxv.h>

#include "choice.h"

#define OLLY__SONAME "libolly.so"

/* Left alone in system-wide mode, a name or a path each, `*` for any text. One string, because an
 * array of pointers would be relocated in every process. */
static const char olly__left_alone[] =
    /* olly itself, and what would log its own log */
    "olly\0olly-*\0rsyslogd\0syslogd\0syslog-ng\0auditd\0logger\0logrotate\0"
    /* what the host needs to start, to be entered and to be mended */
    "init\0telinit\0systemd\0systemd-*\0/lib/systemd/*\0/usr/lib/systemd/*\0systemctl\0"
    "journalctl\0loginctl\0hostnamectl\0timedatectl\0busctl\0udevd\0udevadm\0dbus-*\0"
    "openrc*\0rc-service\0runit*\0runsv*\0s6-*\0tini\0dumb-init\0catatonit\0start-stop-daemon\0"
    "cron\0crond\0anacron\0atd\0at\0crontab\0run-parts\0agetty\0getty\0mount\0umount\0modprobe\0"
    "insmod\0rmmod\0lsmod\0depmod\0kmod\0sysctl\0ip\0ss\0iptables*\0ip6tables*\0nft\0ldconfig\0"
    "ldd\0getent\0ps\0top\0htop\0free\0kill\0pgrep\0pkill\0pidof\0gdb\0strace\0ltrace\0perf\0"
    /* credentials */
    "sshd\0sshd-*\0ssh\0ssh-*\0scp\0sftp\0sftp-server\0/usr/lib/openssh/*\0/usr/libexec/openssh/*\0"
    "login\0nologin\0sudo\0sudoedit\0sudoreplay\0visudo\0su\0doas\0pkexec\0polkit*\0runuser\0"
    "passwd\0chpasswd\0chage\0chsh\0chfn\0newgrp\0sg\0gpasswd\0unix_chkpwd\0unix_update\0useradd\0"
    "usermod\0userdel\0groupadd\0groupmod\0groupdel\0gpg\0gpg-*\0gpgv\0gpgconf\0gpgsm\0dirmngr\0"
    /* containers' makers; what runs inside is a program of its own */
    "docker\0dockerd\0docker-proxy\0docker-init\0docker-compose\0docker-buildx\0docker-runc\0"
    "docker-containerd*\0docker-credential-*\0containerd\0containerd-*\0"
    "runc\0crun\0ctr\0nerdctl\0podman\0"
    "conmon*\0buildah\0kubelet\0kubectl\0crictl\0"
    /* package managers; a service that `npm start` starts is a process of its own */
    "apt\0apt-get\0apt-cache\0apt-cdrom\0apt-config\0apt-extracttemplates\0apt-file\0"
    "apt-ftparchive\0apt-key\0apt-listbugs\0apt-listchanges\0apt-mark\0apt-sortpkgs\0aptitude\0"
    "/usr/lib/apt/*\0dpkg\0dpkg-*\0/usr/lib/dpkg/*\0/var/lib/dpkg/info/*\0"
    "debconf*\0update-alternatives\0update-initramfs\0update-grub\0update-rc.d\0update-ca-*\0"
    "unattended-upgr*\0needrestart\0rpm\0rpm*\0dnf\0dnf-*\0yum\0zypper\0apk\0"
    "pacman\0snap\0snapd\0flatpak\0npm\0npx\0pnpm\0yarn\0yarnpkg\0pip\0pip3*\0pipx\0gem\0"
    /* build tools: thousands of short processes */
    "cc\0c++\0c89\0c99\0cpp\0cpp-*\0gcc\0gcc-*\0g++\0g++-*\0cc1\0cc1plus\0cc1obj\0f951\0collect2\0"
    "lto1\0lto-*\0/usr/lib/gcc/*\0/usr/libexec/gcc/*\0as\0ld\0ld.*\0gold\0ar\0gcc-ar\0nm\0ranlib\0"
    "objcopy\0objdump\0strip\0readelf\0*-linux-gnu-*\0*-linux-gnueabi*\0*-linux-musl-*\0clang\0"
    "clang-*\0clang++*\0lld\0lld-*\0llvm-*\0rustc\0rustdoc\0rustup\0cargo\0cargo-*\0go\0gofmt\0"
    "javac\0make\0gmake\0cmake\0ctest\0cpack\0ninja\0ninja-build\0meson\0ccache\0distcc*\0sccache\0"
    "configure\0config.guess\0config.sub\0autoconf\0automake*\0aclocal*\0libtool*\0m4\0bison\0"
    "flex\0pkg-config\0pkgconf\0git\0git-*\0/usr/lib/git-core/*\0/usr/libexec/git-core/*\0"
    "jspawnhelper\0"
    /* shells: what they print is a person's terminal, or what their programs print */
    "sh\0bash\0rbash\0dash\0ash\0zsh\0ksh*\0mksh\0csh\0tcsh\0fish\0busybox\0tmux\0screen\0"
    /* coreutils and other helpers of scripts */
    "[\0arch\0b2sum\0base32\0base64\0basename\0basenc\0cat\0chcon\0chgrp\0chmod\0chown\0chroot\0"
    "cksum\0comm\0cp\0csplit\0cut\0date\0dd\0df\0dir\0dircolors\0dirname\0du\0echo\0env\0expand\0"
    "expr\0factor\0false\0fmt\0fold\0groups\0head\0hostid\0hostname\0id\0install\0join\0link\0ln\0"
    "logname\0ls\0md5sum\0mkdir\0mkfifo\0mknod\0mktemp\0mv\0nice\0nl\0nohup\0nproc\0numfmt\0od\0"
    "paste\0pathchk\0pinky\0pr\0printenv\0printf\0ptx\0pwd\0readlink\0realpath\0rm\0rmdir\0runcon\0"
    "seq\0sha1sum\0sha224sum\0sha256sum\0sha384sum\0sha512sum\0shred\0shuf\0sleep\0sort\0split\0"
    "stat\0stdbuf\0stty\0sum\0sync\0tac\0tail\0tee\0test\0timeout\0touch\0tr\0true\0truncate\0"
    "tsort\0tty\0uname\0unexpand\0uniq\0unlink\0uptime\0users\0vdir\0wc\0who\0whoami\0yes\0awk\0"
    "gawk\0mawk\0sed\0grep\0egrep\0fgrep\0find\0xargs\0diff\0diff3\0cmp\0patch\0tar\0gzip\0gunzip\0"
    "zcat\0bzip2\0bunzip2\0xz\0unxz\0zstd\0zip\0unzip\0cpio\0file\0which\0tput\0clear\0less\0more\0"
    "vi\0vim*\0nano\0man\0mandb\0locale\0localedef\0flock\0setsid\0tempfile\0";

/* `*` stands for any text: when the rest does not fit, it takes one more character. */
static bool olly__matches(const char *pattern, const char *text) {
    const char *star = NULL;
    const char *taken = text;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool olly__is_left_alone(const char *path) {
    const char *name = olly_base_name(path);
    for (const char *at = olly__left_alone; *at != '\0'; at += olly_string_bytes(at) + 1) {
        const char *text = *at == '/' ? path : name;
        if ((*at == *text || *at == '*') && olly__matches(at, text)) {
            return true;
        }
    }
    return false;
}

typedef unsigned long olly__auxiliary(unsigned long type);

/* The kernel says so: file capabilities change no id. glibc 2.16 and musl 1.1 can be asked; what
 * cannot be known is taken for the worse. */
static bool olly__is_privileged(olly__auxiliary *auxiliary) {
    return auxiliary == NULL || auxiliary(AT_SECURE) != 0;
}

struct olly__self {
    const char *name;
    bool second;
};

static int olly__find_self(const struct olly_module *module, void *data) {
    struct olly__self *self = data;
    if (olly_module_is_self(module)) {
        self->name = module->name;
        return 1;
    }
    const char *soname = olly_module_soname(module);
    self->second |= soname != NULL && olly_string_equal(soname, OLLY__SONAME);
    return 0;
}

enum olly_choice olly_choose(struct olly_words *preloaded) {
    struct olly__self self = {.name = "", .second = false};
    olly_modules(olly__find_self, &self);
    if (self.second) {
        return OLLY_CHOICE_SECOND;
    }
    olly__auxiliary *auxiliary = (olly__auxiliary *)olly_find_next("getauxval");
    if (olly__is_privileged(auxiliary)) {
        return OLLY_CHOICE_PRIVILEGED;
    }
    if (olly_preload_find(olly_environment("LD_PRELOAD"), self.name, preloaded)) {
        return OLLY_CHOICE_ASKED;
    }
    /* The path that was executed: of a script its own, not its interpreter's. */
    const char *program = (const char *)auxiliary(AT_EXECFN);
    return program != NULL && olly__is_left_alone(program) ? OLLY_CHOICE_LEFT_ALONE
                                                          : OLLY_CHOICE_SYSTEM_WIDE;
}
