-- title: test perplexity along each curve against the training FLOPs spent, the teacher's included
WITH run_cost AS ( -- of a training example; a run's FLOPs grow with its examples
    SELECT r.id, (SELECT p.flops / p.samples FROM point p WHERE p.run = r.id
            AND p.key = (SELECT id FROM metric_key WHERE name = 'train/loss') AND p.samples > 0
            ORDER BY p.step DESC LIMIT 1) AS flops
    FROM run r
    WHERE r.status = 'done' AND r.kind = 'train'
)
SELECT r.name AS study, r.dataset, r.model, r.teacher, r.objective, r.tau, v.kappa,
    printf('%.3e', avg(v.samples * c.flops)) AS flops, count(*) AS n,
    round(avg(v.value), 3) AS perplexity, round(sd(v.value), 3) AS sd
FROM run_cost c
    JOIN run r ON r.id = c.id
    JOIN result v ON v.run = r.id AND v.split = 'test'
        AND v.key = (SELECT id FROM metric_key WHERE name = 'test/perplexity')
GROUP BY r.name, r.group_hash, v.kappa
ORDER BY study, r.dataset, r.model, r.teacher, r.objective, r.tau, v.kappa;
