-- ends.sql - of `difference` (study, dataset, model, teacher, kappa, seed, d): is d above 0 at each
-- kappa, and larger at the smallest kappa than at the largest, seed by seed?
span AS (
    SELECT study, model, teacher, min(kappa) AS first, max(kappa) AS last FROM difference
    GROUP BY study, model, teacher
    HAVING first < last
),
part AS (
    SELECT study, dataset, model, teacher, kappa, seed, '' AS what, d FROM difference
    UNION ALL
    SELECT a.study, a.dataset, a.model, a.teacher, a.kappa, a.seed,
        printf(', kappa %g - kappa %g', a.kappa, b.kappa), a.d - b.d
    FROM span s
        JOIN difference a ON (a.study, a.model, a.teacher, a.kappa)
            = (s.study, s.model, s.teacher, s.first)
        JOIN difference b ON (b.study, b.model, b.teacher, b.kappa)
            = (s.study, s.model, s.teacher, s.last) AND b.seed = a.seed
    ORDER BY seed
),
verdict AS (
    SELECT study || ' ' || model || ' from ' || teacher || what AS part, kappa, count(*) AS n,
        round(avg(d), 4) AS mean, round(sd(d), 4) AS sd, 0 AS bound,
        round(t_test(count(*), avg(d), sd(d), 0), 4) AS p, group_concat(seed, ' ') AS seeds,
        t_test(count(*), avg(d), sd(d), 0) < 0.05 AS holds
    FROM part
    GROUP BY study, dataset, model, teacher, what, kappa
    UNION ALL -- half of the statement is missing
    SELECT 'two kappas of one study', NULL, NULL, NULL, NULL, 0, NULL, '', NULL
    WHERE NOT EXISTS (SELECT 1 FROM span) AND EXISTS (SELECT 1 FROM part)
)
