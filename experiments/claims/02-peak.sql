-- title: The gain peaks at a kappa between 0.05 and 0.3
-- kind: claim
-- from: ../fig2/small.ini ../fig2/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: the kappa of the largest mean PI is within 0.05 to 0.3, of at least 3 kappas
WITH cell AS (
    SELECT study, dataset, model, kappa, count(*) AS n, avg(pi) AS mean, sd(pi) AS sd,
        group_concat(seed, ' ') AS seeds,
        row_number() OVER (PARTITION BY study, dataset, model ORDER BY avg(pi) DESC) AS place,
        count(*) OVER (PARTITION BY study, dataset, model) AS kappas
    FROM gain
    GROUP BY study, dataset, model, kappa
)
SELECT study || ' ' || model AS part, kappa AS peak_kappa, n,
    round(mean, 3) AS mean, round(sd, 3) AS sd, '0.05 to 0.3' AS bound, seeds,
    kappa BETWEEN 0.05 AND 0.3 AS holds
FROM cell
WHERE place = 1 AND kappas >= 3;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher'
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
