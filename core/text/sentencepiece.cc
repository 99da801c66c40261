/* sentencepiece.cc - the SentencePiece library as C functions. No exception leaves this file. */
#include "text/sentencepiece.h"

#include <cstdio>
#include <exception>
#include <new>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <string>
#include <unordered_map>
#include <vector>

/* The library is quiet: errors come back as values. */
#define LOG_LEVEL_ERROR "2"

struct kp_spm {
    sentencepiece::SentencePieceProcessor processor;
};

const bool kp_spm_built = true;

namespace
{

bool fail(char *why, const char *text)
{
    (void)std::snprintf(why, KP_SPM_WHY, "%s", text);
    return false;
}

/* Run what gives a status, and turn its failure, or an exception, into text. */
template <typename Call> bool attempt(char *why, Call call)
{
    try {
        const sentencepiece::util::Status st = call();
        return st.ok() || fail(why, st.error_message());
    } catch (const std::exception &problem) {
        return fail(why, problem.what());
    }
}

/* Lines from a C function. */
class Lines : public sentencepiece::SentenceIterator
{
  public:
    Lines(bool (*next)(void *, const char **, size_t *), void *arg) : next_(next), arg_(arg)
    {
        Next();
    }
    bool done() const override
    {
        return done_;
    }
    void Next() override
    {
        const char *line = nullptr;
        size_t n = 0;

        done_ = !next_(arg_, &line, &n);
        line_.assign(done_ ? "" : line, done_ ? 0 : n);
    }
    const std::string &value() const override
    {
        return line_;
    }
    sentencepiece::util::Status status() const override
    {
        return sentencepiece::util::Status();
    }

  private:
    bool (*next_)(void *, const char **, size_t *);
    void *arg_;
    std::string line_;
    bool done_ = false;
};

} // namespace

bool kp_spm_load(const void *bytes, size_t size, struct kp_spm **out, char why[KP_SPM_WHY])
{
    kp_spm *m = new (std::nothrow) kp_spm;

    if (!m)
        return fail(why, "no memory");
    const absl::string_view file(static_cast<const char *>(bytes), size);
    if (!attempt(why, [&] { return m->processor.LoadFromSerializedProto(file); })) {
        delete m;
        return false;
    }
    *out = m;
    return true;
}

void kp_spm_free(struct kp_spm *m)
{
    delete m;
}

int64_t kp_spm_size(const struct kp_spm *m)
{
    return m->processor.GetPieceSize();
}

const char *kp_spm_piece(const struct kp_spm *m, int64_t id, size_t *length)
{
    const std::string &piece = m->processor.IdToPiece(static_cast<int>(id));

    *length = piece.size();
    return piece.c_str();
}

enum kp_spm_kind kp_spm_kind(const struct kp_spm *m, int64_t id)
{
    const int i = static_cast<int>(id);

    return m->processor.IsUnknown(i)   ? KP_SPM_UNKNOWN
           : m->processor.IsControl(i) ? KP_SPM_CONTROL
           : m->processor.IsByte(i)    ? KP_SPM_BYTE
                                       : KP_SPM_TEXT;
}

bool kp_spm_encode(const struct kp_spm *m, const char *text, size_t n,
                   void (*take)(void *arg, const int *ids, size_t count), void *arg,
                   char why[KP_SPM_WHY])
{
    return attempt(why, [&] {
        std::vector<int> ids;
        const sentencepiece::util::Status st =
            m->processor.Encode(absl::string_view(text, n), &ids);
        if (st.ok())
            take(arg, ids.data(), ids.size());
        return st;
    });
}

bool kp_spm_train(int64_t vocabulary, int threads,
                  bool (*next)(void *arg, const char **line, size_t *n),
                  void (*take)(void *arg, const char *bytes, size_t n), void *arg,
                  char why[KP_SPM_WHY])
{
    return attempt(why, [&] {
        const std::unordered_map<std::string, std::string> options = {
            {"model_type", "bpe"},
            {"vocab_size", std::to_string(vocabulary)},
            {"hard_vocab_limit", "true"},
            {"input_sentence_size", "2000000"},
            {"pad_id", "0"},
            {"unk_id", "1"},
            {"bos_id", "-1"},
            {"eos_id", "-1"},
            {"user_defined_symbols", "<D>"},
            {"max_sentencepiece_length", "99"},
            {"split_by_unicode_script", "true"},
            {"split_by_number", "true"},
            {"split_by_whitespace", "true"},
            {"split_digits", "true"},
            {"byte_fallback", "true"},
            {"add_dummy_prefix", "false"},
            {"remove_extra_whitespaces", "false"},
            {"allow_whitespace_only_pieces", "true"},
            {"normalization_rule_name", "identity"},
            {"num_threads", std::to_string(threads)},
            {"minloglevel", LOG_LEVEL_ERROR},
        };
        Lines lines(next, arg);
        std::string model;

        sentencepiece::SetRandomGeneratorSeed(0);
        const sentencepiece::util::Status st =
            sentencepiece::SentencePieceTrainer::Train(options, &lines, &model);
        if (st.ok())
            take(arg, model.data(), model.size());
        return st;
    });
}
