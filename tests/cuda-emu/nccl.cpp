// nccl.cpp - doubles of NCCL: members are threads of one process, each with a device of its own.
//
// A sum waits for the work before it on its stream and for all members, adds up in the order of the
// ranks and is put behind what the stream has.
#include "machine.h"

#include <condition_variable>
#include <cstring>
#include <map>
#include <vector>

struct group {
    int ranks;
    std::map<int, int> devices; // of the members that have come
    std::vector<std::vector<float>> parts;
    std::vector<float> sum;
    int given = 0;
    int64_t rounds = 0;
};

struct member {
    group *in;
    int rank;
};

struct id {
    char bytes[128];
};

enum { SUCCESS = 0, INVALID_USAGE = 5 };
enum { FLOAT32 = 7, SUM = 0 };

static std::mutex &mutex = *new std::mutex;
static std::condition_variable &changed = *new std::condition_variable;
static std::map<int64_t, group> &groups = *new std::map<int64_t, group>;
static int64_t ids;

static std::vector<float> read_floats(const void *from, size_t count, cudaStream_t stream)
{
    const auto lock = emu_lock();
    std::vector<float> values(count);

    emu_no_capture("ncclAllReduce");
    emu_need("ncclAllReduce", "the values", from, count * sizeof(float));
    emu_drain(stream);
    emu_memory_open();
    std::memcpy(values.data(), from, count * sizeof(float));
    emu_memory_close();
    return values;
}

// The sum, when every member has given its part.
static std::vector<float> exchange(const member *m, std::vector<float> part)
{
    std::unique_lock<std::mutex> lock(mutex);
    group *g = m->in;
    const int64_t round = g->rounds;

    g->parts[(size_t)m->rank] = std::move(part);
    if (++g->given < g->ranks) {
        changed.wait(lock, [=] { return g->rounds > round; });
        return g->sum;
    }
    g->sum = g->parts[0];
    for (int rank = 1; rank < g->ranks; rank++) {
        const std::vector<float> &other = g->parts[(size_t)rank];
        if (other.size() != g->sum.size())
            emu_die("ncclAllReduce: %zu values of one member, %zu of another", g->sum.size(),
                    other.size());
        for (size_t i = 0; i < other.size(); i++)
            g->sum[i] += other[i];
    }
    g->given = 0;
    g->rounds++;
    changed.notify_all();
    return g->sum;
}

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

EXPORTED int ncclGetUniqueId(id *out)
{
    const std::unique_lock<std::mutex> lock(mutex);

    *out = {};
    ids++;
    std::memcpy(out->bytes, &ids, sizeof(ids));
    return SUCCESS;
}

EXPORTED int ncclCommInitRank(void **out, int ranks, id name, int rank)
{
    std::unique_lock<std::mutex> lock(mutex);
    int64_t number;

    std::memcpy(&number, name.bytes, sizeof(number));
    if (number < 1 || number > ids)
        emu_die("ncclCommInitRank: a name that nobody made");
    group *g = &groups[number];
    if (g->devices.empty()) {
        g->ranks = ranks;
        g->parts.resize((size_t)ranks);
    }
    if (ranks != g->ranks || rank < 0 || rank >= ranks || g->devices.count(rank))
        emu_die("ncclCommInitRank: member %d of %d in a group of %d", rank, ranks, g->ranks);
    for (const auto &other : g->devices)
        if (other.second == emu_current_device())
            return INVALID_USAGE; // as NCCL: a device is in a group once
    g->devices[rank] = emu_current_device();
    changed.notify_all();
    changed.wait(lock, [=] { return (int)g->devices.size() == ranks; });
    *out = new member{g, rank};
    return SUCCESS;
}

EXPORTED int ncclCommDestroy(void *comm)
{
    delete (member *)comm;
    return SUCCESS;
}

EXPORTED int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                           void *comm, cudaStream_t stream)
{
    if (type != FLOAT32 || operation != SUM)
        emu_die("ncclAllReduce: only sums of float32 are there");
    const std::vector<float> sum = exchange((const member *)comm, read_floats(from, count, stream));
    const auto lock = emu_lock();
    emu_enqueue(stream, "ncclAllReduce", [=] {
        emu_need("ncclAllReduce", "the sums", to, count * sizeof(float));
        std::memcpy(to, sum.data(), count * sizeof(float));
    });
    return SUCCESS;
}

EXPORTED const char *ncclGetErrorString(int result)
{
    return result == INVALID_USAGE ? "invalid usage" : "no error";
}
}
