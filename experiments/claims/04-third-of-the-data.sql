-- title: Distillation needs about a third of the data for equal accuracy
-- kind: claim
-- from: ../fig2/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: kappa of LT / kappa at which KD reaches its accuracy: mean within 2 to 4
-- note: A seed whose KD curve starts above the accuracy, or never reaches it, gives no ratio.
WITH kd AS (
    SELECT study, dataset, model, seed, kappa, value,
        lead(kappa) OVER curve AS next_kappa, lead(value) OVER curve AS next_value
    FROM gain
    WHERE metric = 'test/accuracy'
    WINDOW curve AS (PARTITION BY study, dataset, model, seed ORDER BY kappa)
),
lt AS (
    SELECT study, dataset, model, seed, kappa, lt FROM gain
    WHERE metric = 'test/accuracy' AND kappa BETWEEN 0.15 AND 0.5
),
crossing AS ( -- linear in log kappa, at the smallest kappa that reaches it
    SELECT lt.study, lt.dataset, lt.model, lt.seed, lt.kappa,
        lt.kappa / exp(min(ln(kd.kappa) + (lt.lt - kd.value) / (kd.next_value - kd.value)
            * ln(kd.next_kappa / kd.kappa))) AS ratio
    FROM lt
        JOIN kd USING (study, dataset, model, seed)
    WHERE kd.value <= lt.lt AND kd.next_value > lt.lt
    GROUP BY lt.study, lt.dataset, lt.model, lt.seed, lt.kappa
    ORDER BY lt.seed
)
SELECT study || ' ' || model AS part, kappa, count(*) AS n,
    round(avg(ratio), 3) AS mean, round(sd(ratio), 3) AS sd, '2 to 4' AS bound,
    group_concat(seed, ' ') AS seeds, avg(ratio) BETWEEN 2 AND 4 AS holds
FROM crossing
GROUP BY study, dataset, model, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
