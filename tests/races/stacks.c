// Keeps the stacks of loom's threads, which it asks the kernel for and gives back in each execution:
// without this, the kernel takes more than half of the time of a model. run.sh loads it before libc.
//
// Only what is mapped as a stack of the size first seen is kept, with its guard page as it is; what
// is on it may be anything, as on a new stack of which each word is written before it is read.

#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t size;
static struct {
    void *bottom;
    int is_free;
} stacks[MOST];
static int known;

static int is_stack(void *wanted, size_t length, int flags) {
    return wanted == NULL && (flags & MAP_STACK) && (size == 0 || length == size);
}

static int place_of(void *bottom) {
    for (int place = 0; place < known; place++) {
        if (stacks[place].bottom == bottom) {
            return place;
        }
    }
    return -1;
}

void *mmap(void *wanted, size_t length, int protection, int flags, int file, off_t offset) {
    if (!is_stack(wanted, length, flags)) {
        return (void *)syscall(SYS_mmap, wanted, length, protection, flags, file, offset);
    }
    void *bottom = NULL;
    pthread_mutex_lock(&lock);
    size = length;
    for (int place = 0; place < known && bottom == NULL; place++) {
        if (stacks[place].is_free) {
            stacks[place].is_free = 0;
            bottom = stacks[place].bottom;
        }
    }
    if (bottom == NULL) {
        bottom = (void *)syscall(SYS_mmap, wanted, length, protection, flags, file, offset);
        if (bottom != MAP_FAILED && known < MOST) {
            // Its lowest page ends the program that runs over it. The generator asks for that, too.
            syscall(SYS_mprotect, bottom, sysconf(_SC_PAGESIZE), PROT_NONE);
            stacks[known].bottom = bottom;
            stacks[known].is_free = 0;
            known++;
        }
    }
    pthread_mutex_unlock(&lock);
    return bottom;
}

int mprotect(void *bottom, size_t length, int protection) {
    pthread_mutex_lock(&lock);
    int place = place_of(bottom);
    pthread_mutex_unlock(&lock);
    if (place >= 0 && protection == PROT_NONE) {
        return 0;
    }
    return syscall(SYS_mprotect, bottom, length, protection);
}

int munmap(void *bottom, size_t length) {
    pthread_mutex_lock(&lock);
    int place = length == size ? place_of(bottom) : -1;
    if (place >= 0) {
        stacks[place].is_free = 1;
    }
    pthread_mutex_unlock(&lock);
    return place >= 0 ? 0 : syscall(SYS_munmap, bottom, length);
}
