/* Words to whoever supervises this process, by the protocol of systemd's sd_notify(3). */
#ifndef KNARR_BASE_SD_NOTIFY_H
#define KNARR_BASE_SD_NOTIFY_H

/* Sends text ("READY=1", "STOPPING=1") to the socket that NOTIFY_SOCKET names. 0, also where it names none, or -errno. */
int sd_notify_send(const char *text);
/* Waits until the supervisor has taken up all that was sent before, at most timeout_ms (-ETIMEDOUT; some never answer).
 * sd_notify_barrier(3). */
int sd_notify_barrier(int timeout_ms);

#endif
