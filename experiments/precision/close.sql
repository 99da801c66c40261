-- title: bf16 trains as fp32 does
-- kind: claim
-- from: small.ini
-- with: losses.sql
-- statistics: 0.01 nats - the mean distance of the two losses over the second half of the steps
--   > 0, one-sided paired t at 95 %; and the losses are not the same
WITH distance AS (
    SELECT seed, avg(abs(d)) AS mean, max(abs(d)) AS largest
    FROM gap
    WHERE step > (SELECT max(step) / 2 FROM gap)
    GROUP BY seed
    ORDER BY seed
)
SELECT 'training loss' AS part, count(*) AS n, round(avg(mean), 5) AS distance,
    round(max(largest), 5) AS largest, round(avg(0.01 - mean), 5) AS mean,
    round(sd(0.01 - mean), 5) AS sd, 0 AS bound,
    round(t_test(count(*), avg(0.01 - mean), sd(0.01 - mean), 0), 4) AS p,
    group_concat(seed, ' ') AS seeds,
    min(largest) > 0 AND t_test(count(*), avg(0.01 - mean), sd(0.01 - mean), 0) < 0.05 AS holds
FROM distance;

-- expect:
SELECT * FROM planned;
