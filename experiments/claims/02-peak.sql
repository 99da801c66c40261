-- title: The gain peaks at a kappa between 0.05 and 0.3
-- kind: claim
-- statistics: the kappa of the largest mean PI is within 0.05 to 0.3, of at least 3 kappas
WITH cell AS (
    SELECT study, dataset, model, kappa, count(*) AS n, avg(pi) AS mean, sd(pi) AS sd,
        group_concat(seed, ' ') AS seeds,
        row_number() OVER (PARTITION BY study, dataset, model ORDER BY avg(pi) DESC) AS place,
        count(*) OVER (PARTITION BY study, dataset, model) AS kappas
    FROM (SELECT * FROM v_study ORDER BY seed)
    WHERE self AND objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, kappa
)
SELECT study || ' ' || dataset || ' ' || model AS part, kappa AS peak_kappa, n,
    round(mean, 3) AS mean, round(sd, 3) AS sd, '0.05 to 0.3' AS bound, seeds,
    iif(kappas >= 3, kappa BETWEEN 0.05 AND 0.3, NULL) AS holds
FROM cell
WHERE place = 1;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
