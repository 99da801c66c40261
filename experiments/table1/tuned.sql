-- title: What was tried for lt, and its accuracy on dev
-- kind: table
-- split: dev chooses; test is not looked at
SELECT r.name AS study, r.dataset, l.number AS lr, w.number AS weight_decay, count(*) AS n,
    round(avg(v.value), 2) AS dev_accuracy
FROM run r
    JOIN param l ON l.run = r.id AND l.key = 'train.lr'
    JOIN param w ON w.run = r.id AND w.key = 'train.weight_decay'
    JOIN result v ON v.run = r.id
        AND v.key = (SELECT id FROM metric_key WHERE name = 'dev/accuracy')
WHERE r.objective = 'lt' AND r.name LIKE 'transfer%-tune' AND r.status = 'done'
GROUP BY r.name, r.dataset, l.number, w.number
ORDER BY r.name, r.dataset, dev_accuracy DESC;

-- expect:
SELECT * FROM planned WHERE name LIKE 'transfer%-tune';
