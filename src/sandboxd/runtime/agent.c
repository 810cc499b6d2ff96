/* The agent: PID 1 of every machine.
 *
 * It starts processes, reports how they ended, reaps orphans, and hands out sockets, terminals and the
 * machine's "/" to whoever connects to the socket it was born with (descriptor 3). That socket has no
 * path inside the machine. It keeps no secret, opens nothing that the machine's user could have
 * written, and never blocks on a client. The same protocol in Python: agent.py; its words: protocol.py.
 *
 *   agent NPROC DATA     limits of each process it starts (processes, bytes of data), 0 for none
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPAWN = 1, SIGNAL, DIAL, LISTEN, KILL_ALL, ATTACH, STOP_ALL, CONTINUE_ALL, PING };
enum { OK = 100, ERROR, EXITED, HELLO };
enum { IN_MEMFD = 1, PTY = 2 };
enum { VERSION = 1, LISTENER = 3, CLIENTS = 16, RECORDS = 4096, PACKET = 1 << 17 };

struct head { uint32_t id; uint16_t op, flags; int32_t a, b; };
struct record { pid_t pid; int running, code; uint64_t since; };
struct failure { int stage, error; };
enum { STAGE_FORK, STAGE_CWD, STAGE_EXEC, STAGE_PTY };
static const char *const stages[] = {"fork", "cwd", "exec", "pty"};

static struct pollfd polled[2 + CLIENTS];           /* signals, listener, clients */
static struct { int client; uint32_t id; } killers[CLIENTS];
static int killer_count;
static struct record records[RECORDS];
static uint64_t clock_ticks;
static unsigned char packet[PACKET];
static rlim_t max_processes, max_data;
extern char **environ;

static void drop(int client) {
    close(polled[2 + client].fd);
    polled[2 + client].fd = -1;
    for (int i = 0; i < killer_count;)
        if (killers[i].client == client) killers[i] = killers[--killer_count];
        else i++;
}

/* A client too slow to take a packet is dropped: it connects again and asks what it missed. */
static void say(int client, struct head head, const void *text, size_t size, int fd) {
    if (polled[2 + client].fd < 0) return;
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)text, size}};
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = size ? 2 : 1};
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    if (sendmsg(polled[2 + client].fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) drop(client);
}

static void ok(int client, uint32_t id, int a, int b, int fd) {
    say(client, (struct head){id, OK, 0, a, b}, NULL, 0, fd);
}

static void fail(int client, uint32_t id, int error, const char *stage) {
    say(client, (struct head){id, ERROR, 0, error, 0}, stage, strlen(stage), -1);
}

static struct record *find(pid_t pid) {
    for (int i = 0; i < RECORDS; i++)
        if (records[i].pid == pid) return &records[i];
    return NULL;
}

/* The pid's old record, else a free one, else the one that ended first. */
static struct record *slot(pid_t pid) {
    struct record *best = find(pid);
    for (int i = 0; !best && i < RECORDS; i++)
        if (!records[i].pid) best = &records[i];
    if (!best)
        for (int i = 0; i < RECORDS; i++)
            if (!records[i].running && (!best || records[i].since < best->since)) best = &records[i];
    return best;
}

static void reap(void) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct record *r = find(pid);
        if (!r || !r->running) continue;
        r->running = 0;
        r->since = ++clock_ticks;
        r->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        for (int c = 0; c < CLIENTS; c++)
            say(c, (struct head){0, EXITED, 0, pid, r->code}, NULL, 0, -1);
    }
    if (pid < 0 && errno == ECHILD)
        while (killer_count) {
            killer_count--;
            ok(killers[killer_count].client, killers[killer_count].id, 0, 0, -1);
        }
}

static void limit(int what, rlim_t value) {
    struct rlimit now;
    if (!value || getrlimit(what, &now)) return;
    if (now.rlim_max == RLIM_INFINITY || value < now.rlim_max)
        setrlimit(what, &(struct rlimit){value, value});
}

/* The first victim of a full memory is a process of the user's, not the agent. */
static void prefer_to_die(void) {
    prctl(PR_SET_DUMPABLE, 1); /* else /proc/self is not ours; everything of the agent's is closed */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "300", 3) < 0) { /* a hint, nothing more */ }
    close(fd);
}

static void close_from(int first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    for (int fd = first; fd < 1024; fd++) close(fd);
}

/* Whoever started the server may have ignored some signals, the C library's own two among them. */
static void forget_signals(void) {
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } plain = {0};
    for (int number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, &plain, NULL, sizeof plain.mask);
}

static void become(char **argv, char **env, const char *cwd, int *fds, int terminal, int report) {
    struct failure failure = {STAGE_FORK, 0};
    sigset_t none;
    sigemptyset(&none);
    setsid();
    if (terminal >= 0) {
        failure.stage = STAGE_PTY;
        if (ioctl(terminal, TIOCSCTTY, 0)) goto failed;
        fds[0] = fds[1] = fds[2] = terminal;
    }
    for (int i = 0; i < 3; i++) /* descriptors received are all above 2, see main() */
        if (dup2(fds[i], i) < 0) goto failed;
    if (dup2(report, 3) < 0) goto failed;
    report = 3;
    fcntl(report, F_SETFD, FD_CLOEXEC);
    close_from(4);
    umask(022);
    limit(RLIMIT_NPROC, max_processes);
    limit(RLIMIT_DATA, max_data);
    prefer_to_die();
    forget_signals();
    sigprocmask(SIG_SETMASK, &none, NULL);
    failure.stage = STAGE_CWD;
    if (chdir(cwd)) goto failed;
    failure.stage = STAGE_EXEC;
    environ = env;
    execvp(argv[0], argv);
failed:
    failure.error = errno;
    if (write(report, &failure, sizeof failure) < 0) _exit(126);
    _exit(127);
}

static int open_terminal(int cols, int rows, int *slave) {
    int zero = 0, number;
    char path[32];
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -1;
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    if (ioctl(master, TIOCSPTLCK, &zero) || ioctl(master, TIOCGPTN, &number)) goto failed;
    ioctl(master, TIOCSWINSZ, &size);
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    if ((*slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0) return master;
failed:
    close(master);
    return -1;
}

/* cwd, argc arguments, envc variables, each ended by a zero byte; NULL when it is not that. */
static char **parse(char *text, size_t size, char **cwd, char ***env) {
    uint32_t counts[2];
    if (size < sizeof counts + 2 || text[size - 1]) return NULL;
    memcpy(counts, text, sizeof counts);
    if (!counts[0] || counts[0] > size || counts[1] > size) return NULL;
    char **words = calloc((size_t)counts[0] + counts[1] + 2, sizeof *words);
    if (!words) return NULL;
    char *at = text + sizeof counts, *end = text + size;
    *cwd = at;
    at += strlen(at) + 1;
    size_t slots = 0;
    for (uint32_t i = 0; i < counts[0] + counts[1]; i++) {
        if (at >= end) { free(words); return NULL; }
        if (i == counts[0]) slots++; /* the NULL between the two */
        words[slots++] = at;
        at += strlen(at) + 1;
    }
    *env = words + counts[0] + 1;
    return words;
}

static void start(int client, struct head *head, char *text, size_t size, int *fds) {
    char *cwd = NULL, **env = NULL, **argv = parse(text, size, &cwd, &env);
    int report[2] = {-1, -1}, slave = -1, master = -1;
    struct failure failure = {STAGE_FORK, 0};
    struct record *r = slot(0);
    if (!argv) { fail(client, head->id, EINVAL, "request"); return; }
    if (!r) { errno = EAGAIN; goto failed; }
    if (head->flags & PTY) {
        failure.stage = STAGE_PTY;
        if ((master = open_terminal(head->a, head->b, &slave)) < 0) goto failed;
    }
    failure.stage = STAGE_FORK;
    if (pipe2(report, O_CLOEXEC)) goto failed;
    pid_t pid = fork();
    if (pid < 0) goto failed;
    if (pid == 0) become(argv, env, cwd, fds, slave, report[1]);
    close(report[1]);
    report[1] = -1;
    ssize_t got;
    while ((got = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR) {}
    if (got == (ssize_t)sizeof failure) { errno = failure.error; goto failed; }
    r = slot(pid);
    *r = (struct record){pid, 1, 0, 0};
    ok(client, head->id, pid, 0, master);
    goto done;
failed:
    fail(client, head->id, errno, stages[failure.stage]);
done:
    for (int i = 0; i < 2; i++)
        if (report[i] >= 0) close(report[i]);
    if (slave >= 0) close(slave);
    if (master >= 0) close(master);
    free(argv);
}

static void start_from(int client, struct head *head, size_t size, int *fds, int fd_count) {
    int wanted = (head->flags & PTY ? 0 : 3) + (head->flags & IN_MEMFD ? 1 : 0);
    if (fd_count != wanted) { fail(client, head->id, EINVAL, "request"); return; }
    if (!(head->flags & IN_MEMFD)) {
        start(client, head, (char *)packet + sizeof *head, size, fds);
        return;
    }
    struct stat info;
    int fd = fds[fd_count - 1];
    void *text = MAP_FAILED;
    if (!fstat(fd, &info) && info.st_size > 0)
        text = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED) { fail(client, head->id, errno, "request"); return; }
    start(client, head, text, (size_t)info.st_size, fds);
    munmap(text, (size_t)info.st_size);
}

/* The client waits until the connection stands; the agent does not. */
static void dial(int client, struct head *head) {
    struct sockaddr_in four = {AF_INET, htons((uint16_t)head->a), {htonl(INADDR_LOOPBACK)}, {0}};
    struct sockaddr_in6 six = {AF_INET6, htons((uint16_t)head->a), 0, IN6ADDR_LOOPBACK_INIT, 0};
    int is_six = head->b == 6;
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int bad = fd < 0 || (is_six ? connect(fd, (struct sockaddr *)&six, sizeof six)
                                : connect(fd, (struct sockaddr *)&four, sizeof four));
    if (bad && errno != EINPROGRESS) fail(client, head->id, errno, "dial");
    else ok(client, head->id, 0, 0, fd);
    if (fd >= 0) close(fd);
}

static void listen_on(int client, struct head *head) {
    struct sockaddr_in address = {AF_INET, htons((uint16_t)head->a), {htonl(INADDR_LOOPBACK)}, {0}};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128))
        fail(client, head->id, errno, "listen");
    else ok(client, head->id, 0, 0, fd);
    if (fd >= 0) close(fd);
}

static void kill_all(int client, struct head *head) {
    kill(-1, SIGKILL);
    if (killer_count == CLIENTS) { fail(client, head->id, EAGAIN, "kill"); return; }
    killers[killer_count].client = client;
    killers[killer_count++].id = head->id;
    reap();
}

static void obey(int client, struct head *head, size_t size, int *fds, int fd_count) {
    struct record *r;
    switch (head->op) {
    case SPAWN: start_from(client, head, size, fds, fd_count); break;
    case SIGNAL:
        if (head->a > 1 && find(head->a)) kill(-head->a, head->b);
        ok(client, head->id, 0, 0, -1);
        break;
    case DIAL: dial(client, head); break;
    case LISTEN: listen_on(client, head); break;
    case KILL_ALL: kill_all(client, head); break;
    case ATTACH:
        r = head->a > 1 ? find(head->a) : NULL;
        if (r) ok(client, head->id, r->pid, r->running ? -1 : r->code, -1);
        else fail(client, head->id, ESRCH, "attach");
        break;
    case STOP_ALL: kill(-1, SIGSTOP); ok(client, head->id, 0, 0, -1); break;
    case CONTINUE_ALL: kill(-1, SIGCONT); ok(client, head->id, 0, 0, -1); break;
    case PING: ok(client, head->id, VERSION, 0, -1); break;
    default: fail(client, head->id, ENOSYS, "request");
    }
}

static void hear(int client) {
    union { char bytes[CMSG_SPACE(8 * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec part = {packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    int fds[8], count = 0;
    ssize_t got = recvmsg(polled[2 + client].fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); got > 0 && c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
        }
    struct head head;
    if (got < (ssize_t)sizeof head || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) drop(client);
    else {
        memcpy(&head, packet, sizeof head);
        obey(client, &head, (size_t)got - sizeof head, fds, count);
    }
    for (int i = 0; i < count; i++) close(fds[i]);
}

static void welcome(void) {
    int fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    for (int c = 0; c < CLIENTS; c++)
        if (polled[2 + c].fd < 0) {
            polled[2 + c].fd = fd;
            int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            say(c, (struct head){0, HELLO, 0, VERSION, 0}, NULL, 0, root);
            if (root >= 0) close(root);
            return;
        }
    close(fd);
}

int main(int argc, char **argv) {
    sigset_t all;
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "init");
    if (argc == 3) {
        max_processes = strtoull(argv[1], NULL, 10);
        max_data = strtoull(argv[2], NULL, 10);
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    umask(022);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    close_from(LISTENER + 1);
    if (fcntl(LISTENER, F_SETFD, FD_CLOEXEC) || chdir("/")) return 1;
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    polled[0].fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    polled[1].fd = LISTENER;
    for (int i = 0; i < 2 + CLIENTS; i++) polled[i].events = POLLIN;
    for (int c = 0; c < CLIENTS; c++) polled[2 + c].fd = -1;
    for (;;) {
        if (poll(polled, 2 + CLIENTS, -1) < 0) continue;
        struct signalfd_siginfo ignored;
        if (polled[0].revents) {
            while (read(polled[0].fd, &ignored, sizeof ignored) > 0) {}
            reap();
        }
        for (int c = 0; c < CLIENTS; c++)
            if (polled[2 + c].fd >= 0 && polled[2 + c].revents) hear(c);
        if (polled[1].revents) welcome();
    }
}
