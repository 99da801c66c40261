/* shim.c - preloaded into a program: makes its n-th file operation or allocation fail, kills it
 * there, or keeps a log of what it does to its files.
 *
 * FAULT_ROOT=FOLDER    files below it count (SQLite's shared memory, which no power cut leaves
 *                      behind, does not); allocations count from the first time one is opened
 * FAULT_AT=KIND:N:WHAT KIND write, sync, rename, unlink, open, alloc, or any: of those that change
 *                      files; WHAT fail: the N-th fails; full: writes from the N-th on find the
 *                      disk full; kill: the process gets SIGKILL in place of the N-th
 * FAULT_COUNTS=FILE    how many there were of each kind, written at the end
 * FAULT_LOG=FILE       every change of files, as text lines:
 *     create INO PATH | truncate INO SIZE | write INO OFFSET SIZE, a line, then the bytes |
 *     sync INO | syncdir PATH | rename FROM TO | unlink PATH | mkdir PATH */
#undef _FILE_OFFSET_BITS /* with it, open64() would be another name of open() */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum kind { WRITE, SYNC, RENAME, UNLINK, OPEN, ALLOC, ANY, KINDS };
enum what { FAIL, FULL, KILL };
enum { FILES = 1024 };

static const char *const kind_names[KINDS] = {"write", "sync",  "rename", "unlink",
                                              "open",  "alloc", "any"};

static struct {
    char root[PATH_MAX];
    int log; /* descriptors; -1: none */
    int counts;
    enum kind kind;
    enum what what;
    long n;            /* 0: nothing fails */
    atomic_bool begun; /* a file below the root was opened */
    atomic_long count[KINDS];
} the = {.log = -1, .counts = -1};

/* Open files below the root. A descriptor may be closed and used again unseen, so that its inode is
 * looked at each time. */
static struct {
    bool watched;
    dev_t device;
    ino_t inode;
    char path[PATH_MAX]; /* below the root; of folders */
} files[FILES];

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static int make_file(const char *variable)
{
    const char *name = getenv(variable);

    return name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                               0666)
                : -1;
}

/* Programs that this one starts are left alone. */
__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("FAULT_AT"), *root = getenv("FAULT_ROOT");
    char kind[16] = "", what[16] = "";
    long n = 0;

    if (!root || !realpath(root, the.root))
        return;
    (void)unsetenv("LD_PRELOAD");
    the.log = make_file("FAULT_LOG");
    the.counts = make_file("FAULT_COUNTS");
    if (!at || sscanf(at, "%15[a-z]:%ld:%15s", kind, &n, what) != 3)
        return;
    while (the.kind < KINDS && strcmp(kind, kind_names[the.kind]) != 0)
        the.kind++;
    the.what = strcmp(what, "kill") == 0 ? KILL : strcmp(what, "full") == 0 ? FULL : FAIL;
    the.n = n;
}

__attribute__((destructor)) static void end(void)
{
    char line[64];

    for (int k = 0; the.counts >= 0 && k < KINDS; k++) {
        int size = snprintf(line, sizeof line, "%s %ld\n", kind_names[k], the.count[k]);
        (void)syscall(SYS_write, the.counts, line, size);
    }
}

/* Is this operation the one? */
static bool strikes(enum kind kind)
{
    long n = atomic_fetch_add(&the.count[kind], 1) + 1;

    if (kind != ALLOC && kind != OPEN) {
        long any = atomic_fetch_add(&the.count[ANY], 1) + 1;
        n = the.kind == ANY ? any : n;
    }
    if (the.n == 0 || (the.kind != kind && (the.kind != ANY || kind == ALLOC || kind == OPEN)) ||
        (the.what == FULL ? n < the.n : n != the.n))
        return false;
    if (the.what == KILL)
        (void)kill(getpid(), SIGKILL);
    return true;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* `path` below the root, without "." and double slashes; false if it lies elsewhere. */
static bool below(const char *path, char out[PATH_MAX])
{
    char whole[2 * PATH_MAX];
    size_t length = strlen(the.root), at = 0;

    if (length == 0)
        return false;
    if (path[0] == '/')
        (void)snprintf(whole, sizeof whole, "%s", path);
    else if (getcwd(whole, PATH_MAX))
        (void)snprintf(whole + strlen(whole), PATH_MAX, "/%s", path);
    else
        return false;
    if (strncmp(whole, the.root, length) != 0 || (whole[length] && whole[length] != '/'))
        return false;
    for (const char *p = whole + length; *p;) {
        size_t part = strcspn(p, "/");
        if (part > 0 && !(part == 1 && p[0] == '.')) {
            if (at > 0)
                out[at++] = '/';
            memcpy(out + at, p, part);
            at += part;
        }
        p += part + (p[part] == '/');
    }
    out[at] = '\0';
    return at < 4 || strcmp(out + at - 4, "-shm") != 0;
}

static bool is_watched(int fd, ino_t *inode)
{
    struct stat info;

    if (fd < 0 || fd >= FILES || !files[fd].watched)
        return false;
    if (fstat(fd, &info) != 0 || info.st_ino != files[fd].inode ||
        info.st_dev != files[fd].device) {
        files[fd].watched = false;
        return false;
    }
    *inode = info.st_ino;
    return true;
}

/* The log's order is that of the operations: each holds this lock. */
static void lock_log(void)
{
    if (the.log >= 0)
        (void)pthread_mutex_lock(&log_lock);
}

static void unlock_log(void)
{
    if (the.log >= 0)
        (void)pthread_mutex_unlock(&log_lock);
}

__attribute__((format(printf, 1, 2))) static void log_line(const char *format, ...)
{
    char line[2 * PATH_MAX + 64];
    va_list args;

    if (the.log < 0)
        return;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)syscall(SYS_write, the.log, line, size);
}

static int open_file(const char *path, int flags, mode_t mode)
{
    char name[PATH_MAX];
    struct stat info;
    bool watched = below(path, name);
    bool folder = watched && (flags & O_DIRECTORY);

    if (watched)
        the.begun = true;
    if (watched && strikes(OPEN))
        return refuse(EMFILE);
    lock_log();
    bool made = watched && (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int error = errno;
    if (fd >= 0 && fd < FILES) {
        files[fd].watched = watched && fstat(fd, &info) == 0;
        if (files[fd].watched) {
            files[fd].device = info.st_dev;
            files[fd].inode = info.st_ino;
            (void)snprintf(files[fd].path, sizeof files[fd].path, "%s", folder ? name : "");
            if (made)
                log_line("create %lu %s\n", (unsigned long)info.st_ino, name);
            else if (flags & O_TRUNC)
                log_line("truncate %lu 0\n", (unsigned long)info.st_ino);
        }
    }
    unlock_log();
    errno = error;
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int fd = open_file(path, flags, mode_of(flags, args));
    va_end(args);
    return fd;
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int fd = open_file(path, flags, mode_of(flags, args));
    va_end(args);
    return fd;
}

/* Write at `offset`, or at the file's own if negative. */
static ssize_t write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    ino_t inode = 0;
    bool watched = is_watched(fd, &inode);

    if (watched && strikes(WRITE))
        return refuse(ENOSPC);
    if (!watched)
        return offset < 0 ? syscall(SYS_write, fd, bytes, size)
                          : syscall(SYS_pwrite64, fd, bytes, size, offset);
    lock_log();
    off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
    ssize_t done = offset < 0 ? syscall(SYS_write, fd, bytes, size)
                              : syscall(SYS_pwrite64, fd, bytes, size, offset);
    int error = errno;
    if (done > 0 && the.log >= 0) {
        log_line("write %lu %lld %lld\n", (unsigned long)inode, (long long)at, (long long)done);
        (void)syscall(SYS_write, the.log, bytes, done);
    }
    unlock_log();
    errno = error;
    return done;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    return write_at(fd, bytes, size, -1);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_at(fd, bytes, size, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return write_at(fd, bytes, size, offset);
}

static int truncate_file(int fd, off_t size)
{
    ino_t inode = 0;
    bool watched = is_watched(fd, &inode);

    if (watched && strikes(WRITE))
        return refuse(EIO);
    lock_log();
    int result = (int)syscall(SYS_ftruncate, fd, size);
    int error = errno;
    if (watched && result == 0)
        log_line("truncate %lu %lld\n", (unsigned long)inode, (long long)size);
    unlock_log();
    errno = error;
    return result;
}

EXPORT int ftruncate(int fd, off_t size)
{
    return truncate_file(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    return truncate_file(fd, size);
}

static int sync_file(int fd, long call)
{
    ino_t inode = 0;
    bool watched = is_watched(fd, &inode);

    if (watched && strikes(SYNC))
        return refuse(EIO);
    lock_log();
    int result = (int)syscall(call, fd);
    int error = errno;
    struct stat info;
    if (watched && result == 0 && fstat(fd, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            log_line("syncdir %s\n", files[fd].path);
        else
            log_line("sync %lu\n", (unsigned long)inode);
    }
    unlock_log();
    errno = error;
    return result;
}

EXPORT int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

EXPORT int rename(const char *from, const char *to)
{
    char old[PATH_MAX], new[PATH_MAX];
    bool watched = below(from, old) && below(to, new);

    if (watched && strikes(RENAME))
        return refuse(EIO);
    lock_log();
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (watched && result == 0)
        log_line("rename %s %s\n", old, new);
    unlock_log();
    errno = error;
    return result;
}

EXPORT int unlink(const char *path)
{
    char name[PATH_MAX];
    bool watched = below(path, name);

    if (watched && strikes(UNLINK))
        return refuse(EIO);
    lock_log();
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = errno;
    if (watched && result == 0)
        log_line("unlink %s\n", name);
    unlock_log();
    errno = error;
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    char name[PATH_MAX];
    bool watched = below(path, name);

    if (watched && strikes(WRITE))
        return refuse(ENOSPC);
    lock_log();
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    int error = errno;
    if (watched && result == 0)
        log_line("mkdir %s\n", name);
    unlock_log();
    errno = error;
    return result;
}

/* The allocator of glibc under its own name. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool no_memory(void)
{
    if (!the.begun || !strikes(ALLOC))
        return false;
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    return no_memory() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *p, size_t size)
{
    return no_memory() ? NULL : __libc_realloc(p, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = no_memory() ? NULL : __libc_memalign(alignment, size);

    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return no_memory() ? NULL : __libc_memalign(alignment, size);
}
