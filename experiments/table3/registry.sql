-- title: The study's pairs of student and teacher
-- kind: table
-- split: no measurement
-- note: Parameters as counted, not as the study rounds them. n: runs of the pair in this database;
--   the experiment trains them at the study's settings.
WITH net (name, model, params, preset) AS (
    VALUES ('CNN', 'cnn', 154250, NULL), ('ResNet-18', 'resnet', 11173962, NULL),
        ('ResNet-18, 100 classes', 'resnet', 11220132, NULL),
        ('ResNet-50', 'resnet', 25557032, NULL), ('ViT', 'vit', 6268810, NULL),
        ('MINI', 'gpt', 27549696, 'mini'), ('MINI2', 'gpt', 67680256, 'mini2'),
        ('SMALL', 'gpt', 110615040, 'small'), ('MEDIUM', 'gpt', 336390144, 'medium')
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
        (8, 'imagenet', '', 'ResNet-50', 'ResNet-50', 'fig2/imagenet.ini'),
        (9, 'languini', 'MINI->MINI', 'MINI', 'MINI', 'fig7/books.ini'),
        (10, 'languini', 'SMALL->MINI', 'MINI', 'SMALL', 'fig7/books.ini'),
        (11, 'languini', 'MEDIUM->MINI', 'MINI', 'MEDIUM', 'fig3/books.ini'),
        (12, 'languini', 'MEDIUM->MINI2', 'MINI2', 'MEDIUM', 'fig4/books.ini'),
        (13, 'languini', 'MINI->SMALL', 'SMALL', 'MINI', 'fig7/books.ini'),
        (14, 'languini', 'SMALL->SMALL', 'SMALL', 'SMALL', 'fig2/books.ini')
)
SELECT p.dataset, p.label AS pair, p.student, p.teacher, s.params, t.params AS teacher_params,
    round(1.0 * s.params / t.params, 2) AS ratio, p.experiment,
    (SELECT count(*) FROM student r
        WHERE r.dataset = p.dataset AND r.model = s.model AND r.teacher = t.model
            AND r.status = 'done' AND (s.preset IS NULL OR s.preset = (SELECT text FROM param
                WHERE run = r.id AND key = 'model.gpt.preset') AND t.preset = (SELECT text
                FROM param WHERE run = r.teacher_run AND key = 'model.gpt.preset'))) AS n
FROM pair p
    JOIN net s ON s.name = p.student
    JOIN net t ON t.name = p.teacher
ORDER BY p.place;

-- expect:
SELECT * FROM planned WHERE 0;
