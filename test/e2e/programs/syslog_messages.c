/* Says the same through syslog() as the programs in other languages of test/e2e/syslog.test.ts. */
#include <errno.h>
#include <syslog.h>

int main(void) {
    openlog("told", LOG_PID, LOG_LOCAL2);
    errno = ENOENT;
    syslog(LOG_ERR, "%s cannot open %d: %m", "c", 7);
    syslog(LOG_MAIL | LOG_NOTICE, "%s has mail", "c");
    syslog(LOG_DEBUG, "c says much");
    closelog();
    return 3;
}
