/* Going into the background: the command returns when the mount serves. */
#ifndef PROGRAM_DETACH_H
#define PROGRAM_DETACH_H

/* Forks. The child goes on (in a session of its own) and gets a descriptor for detach_done; the parent waits
 * and ends: with 0 when detach_done was called, else with the child's exit status. Negative errno: no fork.
 */
int detach_begin(void);
/* The mount serves: lets the parent end. */
void detach_done(int fd);
/* stdin and stdout to /dev/null, stderr to the journal where there is one (journald's stream socket), else to
 * /dev/null; the log follows. */
void detach_log(void);

#endif
