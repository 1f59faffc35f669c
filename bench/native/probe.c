/* probe: the program that is supervised in every benchmark: small, static, with a stop-watch.
 *
 *   probe start FILE            note the time, then sleep until TERM
 *   probe once FILE [CODE]      note the time, exit with CODE
 *   probe crash FILE MS         note the time, sleep MS, note it again, crash (SIGKILL to itself)
 *   probe signal FILE           note the time of every USR1 that arrives
 *   probe orphans FILE COUNT    make orphans, let them die at once, note how long they were zombies
 *   probe stream FILE MAKERS COUNT   rest 1.5 s, let MAKERS make COUNT orphans each, one after another
 *       as fast as they can, note how long it took until the last one was reaped
 *   probe shout FILE BYTES LENGTH   note the time, print BYTES in lines of LENGTH, then sleep
 *   probe lines FILE RATE COUNT LENGTH   print RATE lines a second, COUNT in all (0: for ever), each
 *       numbered, of LENGTH bytes and by a write(2) of its own; note the time, then sleep
 *
 * A note is one line of exactly 32 bytes, "WORD NANOSECONDS\n", CLOCK_MONOTONIC, appended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int notes = -1;

static long long now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Written by hand: a signal handler may not call printf. */
static void note(const char *word, long long value)
{
    char line[32];
    memset(line, ' ', sizeof line);
    memcpy(line, word, strlen(word));
    line[31] = '\n';
    for (int at = 30; at > 10; at--) {
        line[at] = (char)('0' + value % 10);
        value /= 10;
        if (value == 0)
            break;
    }
    if (write(notes, line, sizeof line) != sizeof line)
        _exit(112);
}

static void on_signal(int number)
{
    long long at = now_ns();
    (void)number;
    note("signal", at);
}

static _Noreturn void signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    note("start", now_ns());
    for (;;)
        pause();
}

/* The child of a child that is gone at once; it dies when `gate` is closed, without one at once.
 * Its pid, -1 if it could not be made. */
static pid_t make_orphan(const int news[2], const int *gate)
{
    pid_t orphan = -1, middle = fork();
    if (middle == 0) {
        orphan = fork();
        if (orphan == 0 && gate != NULL) {
            char end;
            close(gate[1]);
            ssize_t got = read(gate[0], &end, 1);
            _exit(got == 0 ? 0 : 1);
        }
        if (orphan == 0)
            _exit(0);
        ssize_t put = write(news[1], &orphan, sizeof orphan);
        _exit(put == sizeof orphan ? 0 : 1);
    }
    if (middle < 0 || waitpid(middle, NULL, 0) != middle)
        return -1;
    return read(news[0], &orphan, sizeof orphan) == sizeof orphan ? orphan : -1;
}

static void await_reaped(pid_t pid)
{
    struct timespec nap = {0, 200000};
    while (kill(pid, 0) == 0 || errno != ESRCH)
        nanosleep(&nap, NULL);
}

static int orphans(int count)
{
    int gate[2];
    pid_t *pids = calloc((size_t)count, sizeof *pids);
    int news[2];
    if (pids == NULL || pipe(gate) < 0 || pipe(news) < 0)
        return 112;
    for (int i = 0; i < count; i++) {
        pids[i] = make_orphan(news, gate);
        if (pids[i] < 0)
            return 112;
    }
    long long began = now_ns();
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < count; i++)
        await_reaped(pids[i]);
    note("reaped", now_ns() - began);
    return 0;
}

static int make_orphans(int count)
{
    int news[2];
    pid_t last = -1;
    if (pipe(news) < 0)
        return 112;
    for (int i = 0; i < count; i++) {
        last = make_orphan(news, NULL);
        if (last < 0)
            return 112;
    }
    if (count > 0)
        await_reaped(last);
    return 0;
}

static int stream(int makers, int count)
{
    struct timespec rest = {1, 500000000};
    int failed = 0, status = 0;
    nanosleep(&rest, NULL);
    long long began = now_ns();
    for (int i = 0; i < makers; i++) {
        pid_t maker = fork();
        if (maker < 0)
            return 112;
        if (maker == 0)
            _exit(make_orphans(count));
    }
    while (wait(&status) > 0)
        failed |= status;
    if (failed)
        return 112;
    note("reaped", now_ns() - began);
    return 0;
}

static int shout(long long bytes, long long length)
{
    static char block[65536];
    long long filled = sizeof block / length * length;
    for (long long at = 0; at < filled; at++)
        block[at] = at % length == length - 1 ? '\n' : (char)('a' + at % 26);
    for (long long left = bytes / length * length; left > 0;) {
        ssize_t put = write(1, block, (size_t)(left < filled ? left : filled));
        if (put < 0)
            return 112;
        left -= put;
        if (put % length) /* a short write: finish the line, so that lines stay whole */
            for (ssize_t from = put % length; from < length;) {
                ssize_t more = write(1, block + from, (size_t)(length - from));
                if (more < 0)
                    return 112;
                from += more;
                left -= more;
            }
    }
    return 0;
}

/* The lines that are due are written, then nothing for 2 ms: who is late catches up. */
static int lines(long long rate, long long count, int length)
{
    static char line[65536];
    if (rate <= 0 || length < 12 || length > (int)sizeof line)
        return 2;
    struct timespec nap = {0, 2000000};
    if (rate < 500)
        nap.tv_nsec = 1000000000 / rate;
    long long began = now_ns();
    for (long long number = 0; count == 0 || number < count;) {
        long long due = (now_ns() - began) / 1000 * rate / 1000000 + 1;
        for (; number < due && (count == 0 || number < count); number++) {
            long long rest = number;
            for (int at = 9; at >= 0; at--, rest /= 10)
                line[at] = (char)('0' + rest % 10);
            line[10] = ' ';
            for (int at = 11; at < length - 1; at++)
                line[at] = (char)('a' + (number + at) % 26);
            line[length - 1] = '\n';
            for (int put = 0; put < length;) {
                ssize_t more = write(1, line + put, (size_t)(length - put));
                if (more < 0)
                    return 112;
                put += (int)more;
            }
        }
        nanosleep(&nap, NULL);
    }
    note("done", now_ns());
    return 0;
}

int main(int argc, char **argv)
{
    long long began = now_ns();
    if (argc < 3)
        return 2;
    const char *what = argv[1];
    notes = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (notes < 0)
        return 112;
    if (strcmp(what, "signal") == 0)
        signals();
    if (strcmp(what, "orphans") == 0)
        return argc < 4 ? 2 : orphans(atoi(argv[3]));
    if (strcmp(what, "stream") == 0)
        return argc < 5 ? 2 : stream(atoi(argv[3]), atoi(argv[4]));
    note("start", began);
    if (strcmp(what, "shout") == 0 && argc > 4 && shout(atoll(argv[3]), atoll(argv[4])) != 0)
        return 112;
    if (strcmp(what, "lines") == 0) {
        int code = argc > 5 ? lines(atoll(argv[3]), atoll(argv[4]), atoi(argv[5])) : 2;
        if (code != 0)
            return code;
    }
    if (strcmp(what, "once") == 0)
        return argc > 3 ? atoi(argv[3]) : 0;
    if (strcmp(what, "crash") == 0 && argc > 3) {
        long long ms = atoll(argv[3]);
        struct timespec nap = {ms / 1000, ms % 1000 * 1000000};
        nanosleep(&nap, NULL);
        note("crash", now_ns());
        kill(getpid(), SIGKILL);
    }
    for (;;)
        pause();
}
