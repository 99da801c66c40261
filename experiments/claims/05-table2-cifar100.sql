-- title: Table 2, CIFAR-100: accuracy of LT, PI of LS and KD as published
-- kind: claim
-- from: ../table2/cifar100.ini
-- statistics: within 2 sqrt(sd of the paper^2 + sd^2) of the paper's mean; full scale only
WITH paper (kappa, lt, lt_sd, ls, ls_sd, kd, kd_sd) AS (
    VALUES (0.02, 12.44, 0.81, 0.48, 0.49, 9.77, 1.1),
        (0.1, 35.36, 0.84, 0.38, 0.68, 25.46, 0.76),
        (0.2, 53.21, 0.44, 0.48, 0.68, 16.72, 0.53),
        (0.4, 65.66, 0.24, 0.6, 0.51, 8.75, 0.54),
        (1, 74.42, 0.22, 0.47, 0.41, 2.12, 0.24)
),
expected AS (
    SELECT kappa, 'lt' AS what, lt AS paper, lt_sd AS paper_sd FROM paper
    UNION ALL SELECT kappa, 'ls', ls, ls_sd FROM paper
    UNION ALL SELECT kappa, 'kd', kd, kd_sd FROM paper
),
-- Table 2 names its rows by M / 60000: the nearest kappa of 50000 is meant.
full AS (
    SELECT CASE round(kappa, 2) WHEN 0.12 THEN 0.1 WHEN 0.24 THEN 0.2 WHEN 0.48 THEN 0.4
            WHEN 0.96 THEN 1 ELSE round(kappa, 2) END AS kappa, objective, tau, seed, lt, pi
    FROM v_study
    WHERE study = 'cifar100-paper' AND metric = 'test/accuracy'
),
measured AS (
    SELECT DISTINCT kappa, 'lt' AS what, seed, lt AS value FROM full
    UNION ALL SELECT kappa, objective, seed, pi FROM full WHERE objective = 'ls' AND tau = 20
    UNION ALL SELECT kappa, objective, seed, pi FROM full WHERE objective = 'kd' AND tau = 100
    ORDER BY seed
)
SELECT what AS part, kappa, count(*) AS n, round(avg(value), 3) AS mean,
    round(sd(value), 3) AS sd, paper AS bound, paper_sd, group_concat(seed, ' ') AS seeds,
    abs(avg(value) - paper) <= 2 * sqrt(paper_sd * paper_sd + sd(value) * sd(value)) AS holds
FROM measured
    JOIN expected USING (kappa, what)
GROUP BY what, kappa;

-- expect:
SELECT 'cifar100-paper' AS name, 'cifar100' AS dataset, o.column1 AS objective, o.column2 AS tau,
    k.column1 AS kappa, s.column1 AS seed
FROM (VALUES ('lt', NULL), ('ls', 20.0), ('kd', 100.0)) o,
    (VALUES (0.024), (0.12), (0.24), (0.48), (0.96)) k,
    (VALUES (11), (13), (21), (33), (55)) s;
