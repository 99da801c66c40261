-- title: cells that a study lacks: settings and kappas that it has, with seeds that it has
WITH cell AS (
    SELECT name, dataset, model, teacher, objective, tau, kappa, seed, status
    FROM v_run
    WHERE teacher IS NOT NULL
),
setting AS (SELECT DISTINCT name, dataset, model, teacher, objective, tau FROM cell),
kappas AS (SELECT DISTINCT name, dataset, model, teacher, kappa FROM cell),
seeds AS (SELECT DISTINCT name, dataset, model, teacher, seed FROM cell)
SELECT s.name AS study, s.dataset, s.model, s.teacher, s.objective, s.tau, k.kappa, d.seed,
    coalesce(c.status, 'never begun') AS state
FROM setting s
    JOIN kappas k ON k.name IS s.name AND k.dataset = s.dataset AND k.model = s.model
        AND k.teacher = s.teacher
    JOIN seeds d ON d.name IS s.name AND d.dataset = s.dataset AND d.model = s.model
        AND d.teacher = s.teacher
    LEFT JOIN cell c ON c.name IS s.name AND c.dataset = s.dataset AND c.model = s.model
        AND c.teacher = s.teacher AND c.objective = s.objective AND c.tau IS s.tau
        AND c.kappa = k.kappa AND c.seed = d.seed
WHERE c.status IS NOT 'done'
ORDER BY study, s.dataset, s.model, s.teacher, s.objective, s.tau, k.kappa, d.seed;
