/* lane_attention.inl - attention of one head, forward and backward, a block of queries at a time.
 *
 * The lanes are queries. The scores of a block, S[key][query], stay in the cache; the backward pass
 * makes them again from q, k and the rows' logarithms l. Masked keys behind the block are never
 * touched. Keys, values and rows of a block are copied with their width padded to 16 numbers and
 * their count to 8, with zeros. */

#define ATT_BLOCK (2 * KP_VEC)
#if KP_VEC == 16
#define ATT_TILE  8 /* rows of a product that are computed together */
#define ATT_WIDTH 4 /* vectors of a row in att_add */
#else
#define ATT_TILE  4
#define ATT_WIDTH 2
#endif

/* out[i][lanes] = sum over j < count of a[i row + j step] x[j][lanes], i < rows, a multiple of the
 * tile */
KP_INLINE void att_product(const float *a, int64_t row, int64_t step, const float *x, int64_t rows,
                           int64_t count, float *out)
{
    for (int64_t i = 0; i < rows; i += ATT_TILE) {
        kp_vec sum[ATT_TILE][2];
        KP_UNROLL for (int r = 0; r < ATT_TILE; r++) sum[r][0] = sum[r][1] = v_zero();
        for (int64_t j = 0; j < count; j++) {
            const kp_vec x0 = v_load(x + j * ATT_BLOCK), x1 = v_load(x + j * ATT_BLOCK + KP_VEC);
            KP_UNROLL for (int r = 0; r < ATT_TILE; r++)
            {
                const kp_vec b = v_set(a[(i + r) * row + j * step]);
                sum[r][0] = v_fma(b, x0, sum[r][0]);
                sum[r][1] = v_fma(b, x1, sum[r][1]);
            }
        }
        KP_UNROLL for (int r = 0; r < ATT_TILE; r++)
        {
            v_store(out + (i + r) * ATT_BLOCK, sum[r][0]);
            v_store(out + (i + r) * ATT_BLOCK + KP_VEC, sum[r][1]);
        }
    }
}

/* scores[key][query] = k q^T */
static __attribute__((noinline)) void att_scores(const float *k, int64_t padded, const float *q,
                                                 int64_t keys, int64_t size, float *out)
{
    att_product(k, padded, 1, q, keys, size, out);
}

/* out[number][query] = sum over keys of v[key][number] scores[key][query] */
static __attribute__((noinline)) void att_mix(const float *v, int64_t padded, const float *scores,
                                              int64_t keys, float *out)
{
    att_product(v, 1, padded, scores, padded, keys, out);
}

/* Four keys, `width` vectors of numbers. */
KP_INLINE void att_add_tile(const float *scores, const float *x, int64_t padded, int64_t queries,
                            float *out, int width)
{
    kp_vec sum[4][ATT_WIDTH];

    KP_UNROLL for (int r = 0; r < 4; r++)
    {
        KP_UNROLL for (int c = 0; c < width; c++) sum[r][c] = v_load(out + r * padded + c * KP_VEC);
    }
    for (int64_t i = 0; i < queries; i++) {
        KP_UNROLL for (int c = 0; c < width; c++)
        {
            const kp_vec b = v_load(x + i * padded + c * KP_VEC);
            KP_UNROLL for (int r = 0; r < 4; r++) sum[r][c] =
                v_fma(v_set(scores[r * ATT_BLOCK + i]), b, sum[r][c]);
        }
    }
    KP_UNROLL for (int r = 0; r < 4; r++)
    {
        KP_UNROLL for (int c = 0; c < width; c++) v_store(out + r * padded + c * KP_VEC, sum[r][c]);
    }
}

/* out[key][number] += sum over queries of scores[key][query] x[query][number] */
static __attribute__((noinline)) void att_add(const float *scores, const float *x, int64_t padded,
                                              int64_t keys, int64_t queries, float *out)
{
    for (int64_t k = 0; k < keys; k += 4) {
        int64_t d = 0;
        for (; d + ATT_WIDTH * KP_VEC <= padded; d += ATT_WIDTH * KP_VEC)
            att_add_tile(scores + k * ATT_BLOCK, x + d, padded, queries, out + k * padded + d,
                         ATT_WIDTH);
        for (; d < padded; d += KP_VEC)
            att_add_tile(scores + k * ATT_BLOCK, x + d, padded, queries, out + k * padded + d, 1);
    }
}

/* `rows` rows of `size` numbers, `row` apart, times factor; padded with zeros to `all` rows. */
static void att_pack(const float *from, int64_t row, int64_t rows, int64_t size, float factor,
                     float *to, int64_t all, int64_t padded)
{
    for (int64_t i = 0; i < all; i++) {
        const int64_t count = i < rows ? size : 0;
        int64_t d = 0;
        for (; d + KP_VEC <= count; d += KP_VEC)
            v_store(to + i * padded + d, v_mul(v_set(factor), v_load(from + i * row + d)));
        for (; d < count; d++)
            to[i * padded + d] = factor * from[i * row + d];
        for (; d < padded; d++)
            to[i * padded + d] = 0.0f;
    }
}

/* to[j][i] = from[i][j] */
static void att_turn(const float *from, int64_t from_row, int64_t rows, int64_t columns, float *to,
                     int64_t to_row)
{
    for (int64_t i = 0; i < rows; i += 4)
        for (int64_t j = 0; j < columns; j += 4) {
            const int64_t high = rows - i, wide = columns - j;
            if (high >= 4 && wide >= 4) {
                v_turn4(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
                continue;
            }
            for (int64_t r = 0; r < high && r < 4; r++)
                for (int64_t c = 0; c < wide && c < 4; c++)
                    to[(j + c) * to_row + i + r] = from[(i + r) * from_row + j + c];
        }
}

/* sum of a b */
static float att_dot(const float *a, const float *b, int64_t size)
{
    kp_vec sums = v_zero();
    int64_t d = 0;

    for (; d + KP_VEC <= size; d += KP_VEC)
        sums = v_fma(v_load(a + d), v_load(b + d), sums);
    float sum = v_sum(sums);
    for (; d < size; d++)
        sum += a[d] * b[d];
    return sum;
}

/* The queries of a block that see key q + late; the others' lanes of x become `other`. */
KP_INLINE kp_vec att_masked(kp_vec x, int64_t late, int half, kp_vec other)
{
    float lane[KP_VEC];
    for (int i = 0; i < KP_VEC; i++)
        lane[i] = (float)(half * KP_VEC + i);
    return v_select(v_greater(v_set((float)late), v_load(lane)), other, x);
}

/* Parts of the working memory, KP_ATT_WORK floats. */
struct att_work {
    float *k, *v;           /* [keys][padded] */
    float *scores, *slopes; /* [keys][block] */
    float *rows, *turned;   /* [block][padded], [padded][block] */
    float *dy, *dy_turned;
    float *dk, *dv;       /* [keys][padded] */
    int64_t padded, keys; /* size to 16, tokens to 8 */
};

static struct att_work att_work_of(const struct kp_lane_head *h, float *at)
{
    struct att_work w = {.padded = KP_ATT_PADDED(h->size), .keys = KP_ATT_KEYS(h->tokens)};
    float **const long_parts[] = {&w.k, &w.v, &w.dk, &w.dv};
    float **const block_parts[] = {&w.rows, &w.turned, &w.dy, &w.dy_turned};

    for (int i = 0; i < 4; i++, at += w.keys * w.padded)
        *long_parts[i] = at;
    for (int i = 0; i < 4; i++, at += ATT_BLOCK * w.padded)
        *block_parts[i] = at;
    w.scores = at;
    w.slopes = at + w.keys * ATT_BLOCK;
    return w;
}

/* Keys that the block of queries from q on sees. */
KP_INLINE int64_t att_seen(const struct kp_lane_head *h, int64_t q)
{
    return h->causal && q + ATT_BLOCK < h->tokens ? q + ATT_BLOCK : h->tokens;
}

KP_INLINE int64_t att_whole(int64_t keys)
{
    return KP_ATT_KEYS(keys);
}

/* Queries of the block that exist. */
KP_INLINE int64_t att_queries(const struct kp_lane_head *h, int64_t q)
{
    return h->tokens - q < ATT_BLOCK ? h->tokens - q : ATT_BLOCK;
}

/* scores -> exp(scores - largest); sum and l = largest + log(sum), for the queries of half a block.
 */
static void att_softmax(const struct kp_lane_head *h, float *scores, int64_t q, int64_t keys,
                        int half, kp_vec *sum, float *l)
{
    float *s = scores + half * KP_VEC;
    const kp_vec lowest = v_set(-1e30f);
    kp_vec top = lowest, total = v_zero();
    float tops[KP_VEC], totals[KP_VEC];

    for (int64_t k = h->causal ? q : keys; k < keys; k++)
        v_store(s + k * ATT_BLOCK, att_masked(v_load(s + k * ATT_BLOCK), k - q, half, lowest));
    for (int64_t k = 0; k < keys; k++)
        top = v_max(top, v_load(s + k * ATT_BLOCK));
    for (int64_t k = 0; k < keys; k++) {
        kp_vec p = v_exp(v_sub(v_load(s + k * ATT_BLOCK), top));
        total = v_add(total, p);
        v_store(s + k * ATT_BLOCK, p);
    }
    v_store(tops, top);
    v_store(totals, total);
    for (int i = 0; i < KP_VEC && q + half * KP_VEC + i < h->tokens; i++)
        l[q + half * KP_VEC + i] = tops[i] + logf(totals[i]);
    *sum = total;
}

static void lane_attention(const struct kp_lane_head *h, const float *q, const float *k,
                           const float *v, float *y, float *l, float *work)
{
    const struct att_work w = att_work_of(h, work);

    att_pack(k, h->row, h->tokens, h->size, 1.0f, w.k, w.keys, w.padded);
    att_pack(v, h->row, h->tokens, h->size, 1.0f, w.v, w.keys, w.padded);
    for (int64_t i = 0; i < h->tokens; i += ATT_BLOCK) {
        const int64_t keys = att_seen(h, i), queries = att_queries(h, i);
        kp_vec sum[2];

        att_pack(q + i * h->row, h->row, queries, h->size, h->scale, w.rows, ATT_BLOCK, w.padded);
        att_turn(w.rows, w.padded, ATT_BLOCK, w.padded, w.turned, ATT_BLOCK);
        att_scores(w.k, w.padded, w.turned, att_whole(keys), h->size, w.scores);
        att_softmax(h, w.scores, i, keys, 0, &sum[0], l);
        att_softmax(h, w.scores, i, keys, 1, &sum[1], l);
        att_mix(w.v, w.padded, w.scores, keys, w.turned);
        for (int64_t d = 0; d < h->size; d++)
            for (int half = 0; half < 2; half++) {
                float *o = w.turned + d * ATT_BLOCK + half * KP_VEC;
                v_store(o, v_div(v_load(o), sum[half]));
            }
        att_turn(w.turned, ATT_BLOCK, h->size, queries, y + i * h->row, h->row);
    }
}

/* scores -> p = exp(scores - l), slopes -> p (slopes - own), own = dy y of each query */
static void att_slopes(const struct kp_lane_head *h, const struct att_work *w, int64_t q,
                       int64_t keys, const float *l, const float *own)
{
    for (int half = 0; half < 2; half++) {
        const kp_vec row = v_load(l + half * KP_VEC), mine = v_load(own + half * KP_VEC);
        for (int64_t k = 0; k < keys; k++) {
            float *s = w->scores + k * ATT_BLOCK + half * KP_VEC;
            float *g = w->slopes + k * ATT_BLOCK + half * KP_VEC;
            kp_vec p = v_exp(v_sub(v_load(s), row));
            if (h->causal && k >= q)
                p = att_masked(p, k - q, half, v_zero());
            v_store(s, p);
            v_store(g, v_mul(p, v_sub(v_load(g), mine)));
        }
    }
}

static void lane_attention_grad(const struct kp_lane_head *h, const struct kp_lane_head_grad *g,
                                float *work)
{
    const struct att_work w = att_work_of(h, work);

    att_pack(g->k, h->row, h->tokens, h->size, 1.0f, w.k, w.keys, w.padded);
    att_pack(g->v, h->row, h->tokens, h->size, 1.0f, w.v, w.keys, w.padded);
    memset(w.dk, 0, (size_t)(w.keys * w.padded) * sizeof(float));
    memset(w.dv, 0, (size_t)(w.keys * w.padded) * sizeof(float));
    for (int64_t i = 0; i < h->tokens; i += ATT_BLOCK) {
        const int64_t keys = att_seen(h, i), whole = att_whole(keys), queries = att_queries(h, i);
        float own[ATT_BLOCK] = {0}, l[ATT_BLOCK] = {0};

        att_pack(g->q + i * h->row, h->row, queries, h->size, h->scale, w.rows, ATT_BLOCK,
                 w.padded);
        att_turn(w.rows, w.padded, ATT_BLOCK, w.padded, w.turned, ATT_BLOCK);
        att_pack(g->dy + i * h->row, h->row, queries, h->size, 1.0f, w.dy, ATT_BLOCK, w.padded);
        att_turn(w.dy, w.padded, ATT_BLOCK, w.padded, w.dy_turned, ATT_BLOCK);
        for (int64_t n = 0; n < queries; n++) {
            own[n] = att_dot(w.dy + n * w.padded, g->y + (i + n) * h->row, h->size);
            l[n] = g->l[i + n];
        }
        att_scores(w.k, w.padded, w.turned, whole, h->size, w.scores);
        att_scores(w.v, w.padded, w.dy_turned, whole, h->size, w.slopes);
        att_slopes(h, &w, i, whole, l, own);
        att_add(w.scores, w.dy, w.padded, whole, queries, w.dv);
        att_add(w.slopes, w.rows, w.padded, whole, queries, w.dk);
        att_mix(w.k, w.padded, w.slopes, keys, w.turned);
        for (int64_t d = 0; d < h->size * ATT_BLOCK; d += KP_VEC)
            v_store(w.turned + d, v_mul(v_set(h->scale), v_load(w.turned + d)));
        att_turn(w.turned, ATT_BLOCK, h->size, queries, g->dq + i * h->row, h->row);
    }
    for (int64_t n = 0; n < h->tokens; n++) {
        memcpy(g->dk + n * h->row, w.dk + n * w.padded, (size_t)h->size * sizeof(float));
        memcpy(g->dv + n * h->row, w.dv + n * w.padded, (size_t)h->size * sizeof(float));
    }
}
