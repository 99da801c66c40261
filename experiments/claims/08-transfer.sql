-- title: Table 1: distillation wins on every set but Food, the largest
-- kind: claim
-- from: ../table1/small.ini
-- statistics: sign of PI per set (Food: below 0), one-sided paired t at 95 %
-- note: mean: PI in points, with the sign turned for Food.
WITH pair AS (
    SELECT study, dataset, tau, seed, iif(dataset LIKE '%food%', -pi, pi) AS signed, value, lt
    FROM v_study
    WHERE study LIKE 'transfer%' AND objective = 'kd' AND metric = 'test/accuracy'
    ORDER BY seed
),
verdict AS (
    SELECT study || ' ' || dataset || printf(' tau %g', tau) AS part, round(avg(lt), 2) AS lt,
        round(avg(value), 2) AS kd, count(*) AS n, round(avg(signed), 3) AS mean,
        round(sd(signed), 3) AS sd, 0 AS bound,
        round(t_test(count(*), avg(signed), sd(signed), 0), 4) AS p,
        group_concat(seed, ' ') AS seeds,
        t_test(count(*), avg(signed), sd(signed), 0) < 0.05 AS holds
    FROM pair
    GROUP BY study, dataset, tau
    UNION ALL -- half of the statement is missing
    SELECT 'Food', NULL, NULL, 0, NULL, NULL, 0, NULL, '', NULL
    WHERE EXISTS (SELECT 1 FROM pair)
        AND NOT EXISTS (SELECT 1 FROM pair WHERE dataset LIKE '%food%')
)
SELECT * FROM verdict;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND name LIKE 'transfer%' AND objective IN ('lt', 'kd');
