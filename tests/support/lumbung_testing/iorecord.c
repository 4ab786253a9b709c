/* Records what a process writes, syncs, renames and sends, in one order over all its threads, and can make the nth of
 * these calls fail. Loaded with LD_PRELOAD; iorecord.py builds it, sets the environment and reads the log.
 *
 *   IORECORD_LOG      file to append to
 *   IORECORD_PATH     only paths with this part are recorded
 *   IORECORD_SOCKETS  when set, sends on sockets are recorded too
 *   IORECORD_FAULTS   rules "op,part,nth,errno" joined by '|': the nth call (from 1) of op on a path with this part
 *                     fails with errno; nth 0: every call; nth -n: the nth and all after it. Op is write, fsync,
 *                     fdatasync, rename, unlink, ftruncate, or: "short" (a write of half the bytes, errno unused), "lie" (a sync
 *                     that returns 0 and syncs nothing, errno unused), "read" (a sector that gives nothing; reads are
 *                     not recorded).
 *
 * A line is: sequence, phase (B begin, E end, M mark), pid, tid, op, fd, value, errno, path; separated by tabs. The
 * sequence of a begin is drawn before the real call and that of an end after it, from one atomic counter: if the end of
 * a call has a smaller number than the begin of another, it did come before. Lines may stand out of order in the file.
 * The value is the size asked for at the begin, and the result at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define RULES_MAX 16
#define PATH_SIZE 512

struct rule {
    char op[12];
    char part[128];
    long nth, error, calls;
};

struct call {
    const char *op;
    int fd;
    char path[PATH_SIZE];
    int recorded;
};

static struct rule rules[RULES_MAX];
static int rules_count;
static int log_fd = -1;
static const char *path_part;
static int with_sockets;
static long sequence;

#define REAL(result, name, ...)                                        \
    static result (*real)(__VA_ARGS__);                                \
    if (!real)                                                         \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static void read_rules(const char *text) {
    char copy[2048], *rest, *rule;
    snprintf(copy, sizeof copy, "%s", text);
    for (rule = strtok_r(copy, "|", &rest); rule && rules_count < RULES_MAX; rule = strtok_r(NULL, "|", &rest)) {
        struct rule *r = &rules[rules_count];
        if (sscanf(rule, "%11[^,],%127[^,],%ld,%ld", r->op, r->part, &r->nth, &r->error) != 4) {
            fprintf(stderr, "iorecord: bad fault rule %s\n", rule);
            _exit(99); /* a test whose fault silently never comes would prove nothing */
        }
        rules_count++;
    }
}

__attribute__((constructor)) static void start(void) {
    const char *log = getenv("IORECORD_LOG"), *faults = getenv("IORECORD_FAULTS");
    path_part = getenv("IORECORD_PATH");
    with_sockets = getenv("IORECORD_SOCKETS") != NULL;
    if (faults)
        read_rules(faults);
    if (log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* One write call a line, straight to the kernel: appends of whole lines do not mix, and we never record ourselves. */
static void put_line(char phase, const char *op, int fd, long value, int error, const char *path) {
    char line[PATH_SIZE + 128];
    long number = __atomic_add_fetch(&sequence, 1, __ATOMIC_SEQ_CST);
    int size = snprintf(line, sizeof line, "%ld\t%c\t%d\t%ld\t%s\t%d\t%ld\t%d\t%s\n", number, phase, (int)getpid(),
                        syscall(SYS_gettid), op, fd, value, error, path);
    if (log_fd >= 0 && size > 0)
        (void)!syscall(SYS_write, log_fd, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
}

static int wanted(const char *path) {
    if (log_fd < 0)
        return 0;
    if (strncmp(path, "socket:", 7) == 0)
        return with_sockets;
    return path_part && strstr(path, path_part) != NULL;
}

static void begin_path(struct call *call, const char *op, int fd, const char *path, long value) {
    call->op = op;
    call->fd = fd;
    if (path != call->path)
        snprintf(call->path, sizeof call->path, "%s", path);
    call->recorded = wanted(call->path);
    if (call->recorded)
        put_line('B', op, fd, value, 0, call->path);
}

static void begin(struct call *call, const char *op, int fd, long value) {
    char link[64];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, call->path, sizeof call->path - 1);
    call->path[size > 0 ? size : 0] = 0;
    begin_path(call, op, fd, call->path, value);
    errno = kept;
}

static long end(struct call *call, long result) {
    int kept = errno;
    if (call->recorded)
        put_line('E', call->op, call->fd, result, result < 0 ? kept : 0, call->path);
    errno = kept;
    return result;
}

/* The rule that strikes now, or NULL. Every call of the op on a matching path counts. */
static const struct rule *strikes(const char *op, const struct call *call) {
    for (int i = 0; i < rules_count; i++) {
        struct rule *r = &rules[i];
        if (strcmp(r->op, op) != 0 || !strstr(call->path, r->part))
            continue;
        long count = __atomic_add_fetch(&r->calls, 1, __ATOMIC_SEQ_CST);
        if (r->nth == 0 || count == r->nth || (r->nth < 0 && count >= -r->nth))
            return r;
    }
    return NULL;
}

static int fails(const char *op, const struct call *call) {
    const struct rule *rule = strikes(op, call);
    if (!rule)
        return 0;
    errno = (int)rule->error;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    struct call call;
    begin(&call, "write", fd, (long)size);
    if (fails("write", &call))
        return end(&call, -1);
    if (size > 1 && strikes("short", &call))
        size /= 2;
    return end(&call, real(fd, bytes, size));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    struct call call;
    begin(&call, "write", fd, (long)size);
    return end(&call, fails("write", &call) ? -1 : real(fd, bytes, size, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    struct call call;
    begin(&call, "write", fd, (long)size);
    return end(&call, fails("write", &call) ? -1 : real(fd, bytes, size, offset));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    struct call call;
    begin(&call, "write", fd, count);
    return end(&call, fails("write", &call) ? -1 : real(fd, parts, count));
}

static int unreadable(int fd) {
    for (int i = 0; i < rules_count; i++)
        if (strcmp(rules[i].op, "read") == 0) {
            struct call call = {.recorded = 0};
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t size = readlink(link, call.path, sizeof call.path - 1);
            call.path[size > 0 ? size : 0] = 0;
            return fails("read", &call);
        }
    return 0;
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset) {
    REAL(ssize_t, pread, int, void *, size_t, off_t);
    return unreadable(fd) ? -1 : real(fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset) {
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    return unreadable(fd) ? -1 : real(fd, bytes, size, offset);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    return unreadable(from) ? -1 : real(to, from, offset, size);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) {
    REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
    return unreadable(from) ? -1 : real(to, from, offset, size);
}

/* How the engine reads logs and manifests. */
#undef fread_unlocked
size_t fread_unlocked(void *bytes, size_t size, size_t count, FILE *file) {
    REAL(size_t, fread_unlocked, void *, size_t, size_t, FILE *);
    return unreadable(fileno(file)) ? 0 : real(bytes, size, count, file);
}

int fsync(int fd) {
    REAL(int, fsync, int);
    struct call call;
    begin(&call, "fsync", fd, 0);
    if (fails("fsync", &call))
        return (int)end(&call, -1);
    return (int)end(&call, strikes("lie", &call) ? 0 : real(fd));
}

int fdatasync(int fd) {
    REAL(int, fdatasync, int);
    struct call call;
    begin(&call, "fdatasync", fd, 0);
    if (fails("fdatasync", &call))
        return (int)end(&call, -1);
    return (int)end(&call, strikes("lie", &call) ? 0 : real(fd));
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    struct call call;
    begin_path(&call, "rename", -1, to, 0);
    return (int)end(&call, fails("rename", &call) ? -1 : real(from, to));
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    struct call call;
    begin_path(&call, "unlink", -1, path, 0);
    return (int)end(&call, fails("unlink", &call) ? -1 : real(path));
}

int ftruncate(int fd, off_t size) {
    REAL(int, ftruncate, int, off_t);
    struct call call;
    begin(&call, "ftruncate", fd, (long)size);
    return (int)end(&call, fails("ftruncate", &call) ? -1 : real(fd, size));
}

int ftruncate64(int fd, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    struct call call;
    begin(&call, "ftruncate", fd, (long)size);
    return (int)end(&call, fails("ftruncate", &call) ? -1 : real(fd, size));
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
    REAL(ssize_t, send, int, const void *, size_t, int);
    struct call call;
    begin(&call, "send", fd, (long)size);
    return end(&call, real(fd, bytes, size, flags));
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t to_size) {
    REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    struct call call;
    begin(&call, "send", fd, (long)size);
    return end(&call, real(fd, bytes, size, flags, to, to_size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
    struct call call;
    begin(&call, "send", fd, (long)message->msg_iovlen);
    return end(&call, real(fd, message, flags));
}

/* For the program under test: a line of its own in the same order, such as "ack 7 leaves". */
void iorecord_mark(const char *text) { put_line('M', "mark", -1, 0, 0, text); }
