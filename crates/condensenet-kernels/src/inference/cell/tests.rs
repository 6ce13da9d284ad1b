//! Every value belongs to one part.

use super::*;

#[test]
fn parts_cover_the_matrix_once() {
    for (rows, stride, columns, cut) in [
        (
            12,
            9,
            7,
            Cut {
                groups: 4,
                rows: 2,
                columns: 3,
            },
        ),
        (
            6,
            5,
            5,
            Cut {
                groups: 1,
                rows: 4,
                columns: 5,
            },
        ),
        (3, 8, 1, Cut::columns(1)),
        (5, 4, 4, Cut::rows(2)),
        (1, 0, 6, Cut::columns(4)),
    ] {
        for threads in [1, 3] {
            let mut values = vec![0.0f32; rows * stride + columns];
            let cell = Cell::new(&mut values, rows, stride, columns);
            Crew::with(threads, |crew| {
                cell.each(crew, cut, |at, mut part, slot| {
                    assert!(slot < threads);
                    assert_eq!(part.rows(), at.rows.len());
                    for (i, row) in at.rows.clone().enumerate() {
                        let row = row * cut.groups + at.group;
                        for (value, column) in part.row(i).iter_mut().zip(at.columns.clone()) {
                            *value += (1 + row * columns + column) as f32;
                        }
                    }
                });
            });
            for (at, value) in values.iter().enumerate() {
                let row = at.checked_div(stride).unwrap_or(0);
                let column = at - row * stride;
                let inside = row < rows && column < columns;
                let expected = if inside {
                    1 + row * columns + column
                } else {
                    0
                };
                assert_eq!(*value, expected as f32, "{cut:?}");
            }
        }
    }
}

#[test]
fn parts_of_parts_are_where_they_say() {
    let mut values: Vec<f32> = (0..30).map(|value| value as f32).collect();
    let mut cell = Cell::new(&mut values, 5, 6, 4);
    let mut part = cell.part(1..4, 1..3);
    assert_eq!((part.rows(), part.columns()), (3, 2));
    assert_eq!(part.row(2), [19.0, 20.0]);
    assert_eq!(part.part(1..2, 1..2).row(0), [14.0]);
    assert_eq!(cell.part(5..5, 4..4).rows(), 0);
}

#[test]
#[should_panic(expected = "channels lie outside")]
fn rows_that_are_not_there_are_refused() {
    let _ = Cell::new(&mut [0.0; 11], 3, 4, 4);
}

#[test]
#[should_panic(expected = "rows overlap")]
fn rows_that_overlap_are_refused() {
    let _ = Cell::new(&mut [0.0; 11], 2, 4, 5);
}
