-- title: best test accuracy that each objective reaches within the training FLOPs of an lt run
WITH cost AS ( -- of a whole training, the teacher's answers included
    SELECT r.name, r.dataset, r.model, r.objective, r.tau, r.kappa, r.seed, v.value,
        (SELECT p.flops FROM point p WHERE p.run = r.id
            AND p.key = (SELECT id FROM metric_key WHERE name = 'train/loss')
            ORDER BY p.step DESC LIMIT 1) AS flops
    FROM run r
        JOIN result v ON v.run = r.id AND v.split = 'test'
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/accuracy')
    WHERE r.status = 'done' AND r.teacher_run IS NOT NULL
),
best AS (
    SELECT b.name, b.dataset, b.model, b.kappa AS lt_kappa, b.flops AS budget, c.objective, c.tau,
        c.seed, max(c.value) AS value, c.kappa
    FROM cost b
        JOIN cost c ON c.name IS b.name AND c.dataset = b.dataset AND c.model = b.model
            AND c.seed = b.seed AND c.flops <= b.flops
    WHERE b.objective = 'lt'
    GROUP BY b.name, b.dataset, b.model, b.kappa, b.flops, c.objective, c.tau, c.seed
)
SELECT name AS study, dataset, model, lt_kappa, printf('%.3g', avg(budget)) AS flops, objective,
    tau, count(*) AS n, round(avg(value), 2) AS accuracy, round(sd(value), 2) AS sd,
    group_concat(DISTINCT kappa) AS at_kappa
FROM best
GROUP BY name, dataset, model, lt_kappa, objective, tau
ORDER BY study, dataset, model, lt_kappa, objective, tau;
