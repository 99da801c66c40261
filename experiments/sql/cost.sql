-- title: what each study has cost: runs, hours, training FLOPs
SELECT r.name AS study, r.dataset, count(*) AS runs, count(iif(r.status = 'done', 1, NULL)) AS done,
    printf('%.2f', sum((SELECT sum(coalesce(a.finished, r.heartbeat) - a.started) FROM attempt a
        WHERE a.run = r.id)) / 3600) AS hours,
    printf('%.3g', sum((SELECT p.flops FROM point p WHERE p.run = r.id
        AND p.key = (SELECT id FROM metric_key WHERE name = 'train/loss')
        ORDER BY p.step DESC LIMIT 1))) AS flops
FROM run r
WHERE r.kind <> 'analysis'
GROUP BY r.name, r.dataset
ORDER BY study, r.dataset;
