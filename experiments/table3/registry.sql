-- title: The study's pairs of student and teacher
-- kind: table
-- split: no measurement
-- note: Parameters as counted, not as the study rounds them. n: runs of the pair in this database;
--   the experiment trains them at the study's settings.
WITH net (name, model, params) AS (
    VALUES ('CNN', 'cnn', 154250), ('ResNet-18', 'resnet', 11173962),
        ('ResNet-18, 100 classes', 'resnet', 11220132), ('ResNet-50', 'resnet', 25557032),
        ('ViT', 'vit', 6268810)
),
pair (place, dataset, label, student, teacher, experiment) AS (
    VALUES (1, 'cifar5m', 'SMALL->SMALL', 'CNN', 'CNN', 'fig7/paper.ini'),
        (2, 'cifar5m', 'BIG->SMALL', 'CNN', 'ResNet-18', 'fig7/paper.ini'),
        (3, 'cifar5m', 'SMALL->BIG', 'ResNet-18', 'CNN', 'fig7/paper.ini'),
        (4, 'cifar5m', 'BIG->BIG', 'ResNet-18', 'ResNet-18', 'fig7/paper.ini'),
        (5, 'cifar5m', '', 'ViT', 'ViT', 'fig9/paper.ini'),
        (6, 'cifar5m', '', 'ViT', 'ResNet-18', 'fig9/paper.ini'),
        (7, 'cifar100', '', 'ResNet-18, 100 classes', 'ResNet-18, 100 classes',
            'fig2/cifar100.ini'),
        (8, 'imagenet', '', 'ResNet-50', 'ResNet-50', 'fig2/imagenet.ini')
)
SELECT p.dataset, p.label AS pair, p.student, p.teacher, s.params, t.params AS teacher_params,
    round(1.0 * s.params / t.params, 2) AS ratio, p.experiment,
    (SELECT count(*) FROM student r
        WHERE r.dataset = p.dataset AND r.model = s.model AND r.teacher = t.model
            AND r.status = 'done') AS n
FROM pair p
    JOIN net s ON s.name = p.student
    JOIN net t ON t.name = p.teacher
ORDER BY p.place;

-- expect:
SELECT * FROM planned WHERE 0;
