#include "control/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int control_folder(const char *state_dir, uid_t *owner)
{
    int fd = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat status;
    if (fstat(fd, &status)) {
        int r = -errno;
        close(fd);
        return r;
    }
    if (owner)
        *owner = status.st_uid;
    return fd;
}

static struct sockaddr_un address_in(int folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, CONTROL_SOCKET_NAME);
    return address;
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int control_connect(int folder)
{
    struct sockaddr_un address = address_in(folder);
    int fd = new_socket();
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

int control_listen(int folder)
{
    struct sockaddr_un address = address_in(folder);
    int fd = new_socket();
    if (fd < 0)
        return fd;
    /* unix(7): the file that bind makes takes the socket's own mode, so there is no moment of a wider one. */
    if (fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(fd, 16) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

bool control_peer_allowed(int fd, uid_t owner)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && length == sizeof peer &&
           (peer.uid == 0 || peer.uid == owner);
}
