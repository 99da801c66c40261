-- headline.sql - what students of a data set are judged by, and at which temperature of the study:
-- accuracy, of text perplexity.
headline (dataset, metric, tau) AS (
    SELECT r.dataset, iif(max(p.run) IS NULL, 'test/accuracy', 'test/perplexity'),
        CASE WHEN max(p.run) IS NOT NULL THEN 1 WHEN r.dataset = 'cifar100' THEN 100 ELSE 20 END
    FROM run r
        LEFT JOIN param p ON p.run = r.id AND p.key = 'data.set' AND p.text = 'languini'
    WHERE r.kind = 'train'
    GROUP BY r.dataset
)
