//! Counting units.

use super::*;

#[test]
fn every_unit_of_every_phase_is_done_once() {
    for threads in [1, 2, 3, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let count_phases = || {
            Crew::with(threads, |crew| {
                for phase in 0..500 {
                    let units = phase % 17;
                    let counts: Vec<_> = (0..units).map(|_| AtomicUsize::new(0)).collect();
                    crew.each(units, &|unit, slot| {
                        assert!(slot < threads);
                        counts[unit].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
                }
            });
        };
        count_phases();
        pool.install(count_phases);
    }
}

#[test]
fn a_panic_reaches_the_caller() {
    for guilty in 0..8 {
        let caught = std::panic::catch_unwind(|| {
            Crew::with(3, |crew| {
                crew.each(8, &|unit, _| assert!(unit != guilty, "on purpose"));
            });
        });
        assert!(caught.is_err());
    }
}

#[test]
fn a_busy_pool_is_not_waited_for() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let total = AtomicUsize::new(0);
    pool.scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|_| {
                Crew::with(4, |crew| {
                    crew.each(16, &|_, _| {
                        total.fetch_add(1, Ordering::Relaxed);
                    });
                });
            });
        }
    });
    assert_eq!(total.load(Ordering::Relaxed), 8 * 16);
}
