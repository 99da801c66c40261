-- title: gap between training and test accuracy against 1 / sqrt(kappa), with the line through it
WITH gap AS (
    SELECT name, dataset, model, teacher, objective, tau, kappa, seed,
        1 / sqrt(kappa) AS x, train_accuracy - test_accuracy AS y
    FROM v_run
    WHERE status = 'done' AND teacher IS NOT NULL AND train_accuracy IS NOT NULL
        AND test_accuracy IS NOT NULL
),
line AS (
    SELECT name, dataset, model, teacher, objective, tau, slope(x, y) AS slope, corr(x, y) AS r
    FROM gap
    GROUP BY name, dataset, model, teacher, objective, tau
)
SELECT g.name AS study, g.dataset, g.model, g.teacher, g.objective, g.tau, g.kappa,
    round(g.x, 3) AS inverse_root, count(*) AS n, round(avg(g.y), 2) AS gap,
    round(sd(g.y), 2) AS sd, round(l.slope, 2) AS slope, round(l.r, 3) AS r
FROM gap g
    JOIN line l ON l.name IS g.name AND l.dataset = g.dataset AND l.model = g.model
        AND l.teacher = g.teacher AND l.objective = g.objective AND l.tau IS g.tau
GROUP BY g.name, g.dataset, g.model, g.teacher, g.objective, g.tau, g.kappa
ORDER BY study, g.dataset, g.model, g.teacher, g.objective, g.tau, g.kappa;
