/* What a mount of this kind does not have, each with its fitting errno. An operation left out answers ENOSYS,
 * which the kernel remembers for all: LSEEK (it then knows data without holes by itself), POLL (always
 * ready), GETLK, SETLK and FLOCK (it locks by itself, and all users share this one mount) are left out on
 * purpose. */
#include <errno.h>

#include "mount/operations.h"

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)parent, (void)name, (void)mode;
    fuse_reply_err(req, EPERM);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    (void)parent, (void)name;
    fuse_reply_err(req, EPERM);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target, (void)parent, (void)name;
    fuse_reply_err(req, EPERM);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void)ino, (void)parent, (void)name;
    fuse_reply_err(req, EPERM);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void)parent, (void)name, (void)mode, (void)device;
    fuse_reply_err(req, EPERM);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    fuse_reply_err(req, EINVAL); /* no symbolic links here */
}

/* default_permissions: the kernel decides, and does not ask. */
void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
    (void)ino, (void)mask;
    fuse_reply_err(req, 0);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fuse_reply_open(req, fi);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino, (void)fi;
    fuse_reply_err(req, 0);
}

/* Names that are durable were so when they were answered. */
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino, (void)datasync, (void)fi;
    fuse_reply_err(req, 0);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument, struct fuse_file_info *fi,
              unsigned flags, const void *in, size_t in_size, size_t out_size)
{
    (void)ino, (void)command, (void)argument, (void)fi, (void)flags, (void)in, (void)in_size, (void)out_size;
    fuse_reply_err(req, ENOTTY);
}

/* Space is not set aside: the caller writes instead. */
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  struct fuse_file_info *fi)
{
    (void)ino, (void)mode, (void)offset, (void)length, (void)fi;
    fuse_reply_err(req, EOPNOTSUPP);
}

/* The kernel copies by reading and writing then. */
void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_off, struct fuse_file_info *in_fi,
                        fuse_ino_t out, off_t out_off, struct fuse_file_info *out_fi, size_t length,
                        int flags)
{
    (void)in, (void)in_off, (void)in_fi, (void)out, (void)out_off, (void)out_fi, (void)length, (void)flags;
    fuse_reply_err(req, EOPNOTSUPP);
}

void op_bmap(fuse_req_t req, fuse_ino_t ino, size_t block_size, uint64_t block)
{
    (void)ino, (void)block_size, (void)block;
    fuse_reply_err(req, EPERM);
}

/* Nodes live as long as they are open or changed; what the kernel remembers costs nothing here. */
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    (void)ino, (void)lookups;
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
    (void)n, (void)forgets;
    fuse_reply_none(req);
}
