"""Says through syslog what syslog_messages.c says, and once more through a logging handler."""

import logging
import logging.handlers
import syslog

syslog.openlog("told", syslog.LOG_PID, syslog.LOG_LOCAL2)
syslog.syslog(syslog.LOG_ERR, "python cannot open 7: No such file or directory")
syslog.syslog(syslog.LOG_MAIL | syslog.LOG_NOTICE, "python has mail")
syslog.syslog(syslog.LOG_DEBUG, "python says much")

handler = logging.handlers.SysLogHandler("/dev/log")
logging.getLogger().addHandler(handler)
logging.getLogger().error("by a datagram of its own")
handler.close()
raise SystemExit(3)
