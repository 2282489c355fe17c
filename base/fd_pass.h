/* Packets with descriptors beside them, over Unix sockets. */
#ifndef KNARR_BASE_FD_PASS_H
#define KNARR_BASE_FD_PASS_H

#include <stddef.h>
#include <sys/types.h>

#define FD_PASS_MAX 24

/* Sends n bytes and n_fds (0 to FD_PASS_MAX) descriptors as one message, over EINTR and without SIGPIPE; flags as
 * sendmsg(2). Borrows the descriptors. 0 or -errno. unix(7), SCM_RIGHTS. */
int fd_pass_send(int sock, const void *bytes, size_t n, const int *fds, int n_fds, int flags);
/* Receives one message of at most n bytes into zeroed memory; flags as recvmsg(2). Returns the bytes, 0 at the end of
 * the connection, -errno (-EAGAIN ...). fds gets max_fds (at most FD_PASS_MAX) descriptors, close-on-exec, owned by the
 * caller; those not sent are -1, those beyond are closed. */
ssize_t fd_pass_receive(int sock, void *bytes, size_t n, int *fds, int max_fds, int flags);

#endif
