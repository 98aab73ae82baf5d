/* The socket file of a state folder, reached through a descriptor of the folder, so that its path may be
 * longer than the 107 bytes of sockaddr_un. Private to control/. */
#ifndef CONTROL_CONTROL_SOCKET_H
#define CONTROL_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#define CONTROL_SOCKET_NAME "control.sock"

/* Opens the folder (O_PATH). A descriptor, or negative errno; `owner` (may be NULL) is whose it is. */
int control_folder(const char *state_dir, uid_t *owner);

/* A non-blocking, close-on-exec socket connected to the one in `folder`, or negative errno: -ENOENT (none
 * there), -ECONNREFUSED (its daemon is dead), -EACCES. */
int control_connect(int folder);

/* The same, bound there with mode 0600 from its first moment and listening. */
int control_listen(int folder);

/* Is the other end root's or `owner`'s? */
bool control_peer_allowed(int fd, uid_t owner);

#endif
