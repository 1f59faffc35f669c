/* arena: runs a command as PID 1 of a PID namespace inside a root of its own, with a stop-watch.
 *
 *   arena ROOT SCRATCH STAMPS COMMAND [ARG...]
 *
 * SCRATCH is seen at /scratch inside, the host's /dev at /dev.  STAMPS gets three lines: "pid P" (as seen from outside), "start NS" (taken in the child right
 * before the exec) and "end NS STATUS" (when the parent has reaped it; the shell's number of the
 * wait status).  All times are CLOCK_MONOTONIC.  When arena is killed, the namespace goes with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "arena: cannot %s: %s\n", what, strerror(errno));
    _exit(111);
}

static void say(int fd, const char *form, long long first, int second)
{
    char line[80];
    int length = snprintf(line, sizeof line, form, first, second);
    if (write(fd, line, (size_t)length) != length)
        die("write the stamps");
}

static void bind(const char *root, const char *from, const char *to)
{
    char place[4096];
    snprintf(place, sizeof place, "%s%s", root, to);
    if (mount(from, place, NULL, MS_BIND | MS_REC, NULL) < 0)
        die("bind a directory into the root");
}

static void enter(const char *root, const char *scratch, int stamps, char **command)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        die("tie the child to its parent");
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        die("make mounts private");
    bind(root, "/dev", "/dev");
    bind(root, scratch, "/scratch");
    if (chroot(root) < 0 || chdir("/") < 0)
        die("enter the root");
    if (mount("proc", "/proc", "proc", 0, NULL) < 0)
        die("mount /proc");
    if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
        die("mount /run");
    say(stamps, "start %lld\n", now_ns(), 0);
    execvp(command[0], command);
    die("execute the command");
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: arena ROOT SCRATCH STAMPS COMMAND [ARG...]\n");
        return 2;
    }
    int stamps = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (stamps < 0)
        die("open the stamps");
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* nobody is to be slow for want of descriptors */
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        die("make namespaces");
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0)
        die("make a pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        char go;
        if (read(gate[0], &go, 1) != 1)
            die("start");
        enter(argv[1], argv[2], stamps, argv + 4);
    }
    say(stamps, "pid %lld\n", child, 0);
    if (write(gate[1], "g", 1) != 1)
        die("start the child");
    int status;
    if (waitpid(child, &status, 0) != child)
        die("wait for the child");
    long long end = now_ns();
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    say(stamps, "end %lld %d\n", end, code);
    return code;
}
