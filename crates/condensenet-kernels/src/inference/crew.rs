//! The threads of one run: whoever called, and helpers that take units while it lasts.
//!
//! A network is a long row of short phases, some of 20 microseconds. Forking and joining a thread pool
//! for each would cost more than it brings, so the helpers are called once per run and then spin from
//! phase to phase. The caller never waits for a helper that has not come: units are claimed one by
//! one, and if the pool is busy the caller does them all. So a run inside a busy pool works, and costs
//! nothing extra.

#![allow(
    unsafe_code,
    reason = "a closure is lent to threads that end before it does"
)]

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

type Task<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Threads that share the units of a phase.
pub struct Crew<'a> {
    shared: Option<&'a Shared>,
    slots: usize,
    /// A phase must not start another: units are `Sync`, so they can't hold a crew, which is not.
    _not_sync: PhantomData<Cell<()>>,
}

impl std::fmt::Debug for Crew<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

#[repr(align(128))]
struct Padded<T>(T);

/// `state` is `epoch << 40 | units << 20 | next unit`, so that one exchange claims a unit of one phase.
struct Shared {
    state: Padded<AtomicU64>,
    done: Padded<AtomicUsize>,
    task: UnsafeCell<*const Task<'static>>,
    panicked: AtomicUsize,
}

// SAFETY: `task` is written by the caller only while no unit is claimed, and read only by who holds one.
unsafe impl Sync for Shared {}

const FIELD: u64 = (1 << 20) - 1;
const FINISHED: u64 = u64::MAX;
/// Turns of a spinning wait before the thread offers its core to others.
const SPINS: u32 = 4000;

impl Crew<'static> {
    /// Returns a crew of the calling thread alone.
    #[must_use]
    pub fn alone() -> Self {
        Self {
            shared: None,
            slots: 1,
            _not_sync: PhantomData,
        }
    }
}

impl Crew<'_> {
    /// Returns how many threads the current rayon pool has, which is how many a crew can use.
    #[must_use]
    pub fn available_threads() -> usize {
        rayon::current_num_threads()
    }

    /// Runs `body` with up to `threads` threads: the caller, and helpers out of the current rayon pool.
    ///
    /// The current pool is the one whose thread calls, or was entered by `ThreadPool::install`, else the global one.
    pub fn with<R>(threads: usize, body: impl FnOnce(&Crew<'_>) -> R) -> R {
        if threads <= 1 {
            return body(&Crew::alone());
        }
        let shared = Shared {
            state: Padded(AtomicU64::new(0)),
            done: Padded(AtomicUsize::new(0)),
            task: UnsafeCell::new(&|_, _| {}),
            panicked: AtomicUsize::new(0),
        };
        rayon::in_place_scope(|scope| muster(scope, &shared, threads, body))
    }

    /// Returns the number of slots: `slot` in [`Crew::each`] is below it.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Does `work(unit, slot)` for every unit below `units`, and returns when all are done.
    ///
    /// Two units that run at the same time have different slots.
    ///
    /// # Panics
    /// If `work` panicked on another thread: "a helper of the crew panicked".
    pub fn each(&self, units: usize, work: &Task<'_>) {
        let shared = match self.shared {
            Some(shared) if units > 1 => shared,
            _ => return (0..units).for_each(|unit| work(unit, 0)),
        };
        assert!(units < FIELD as usize);
        // SAFETY: only the caller's thread gets here, between phases, when no unit is claimed. The
        // erased lifetime is good: this function waits until every claimed unit is done.
        unsafe {
            *shared.task.get() = std::mem::transmute::<*const Task<'_>, *const Task<'static>>(work);
        };
        shared.done.0.store(0, Ordering::Relaxed);
        let epoch = (shared.state.0.load(Ordering::Relaxed) >> 40) + 1;
        shared
            .state
            .0
            .store(epoch << 40 | (units as u64) << 20, Ordering::Release);
        let finish = Finish { shared, units };
        while shared.take_unit(0) == Turn::Worked {}
        drop(finish);
        assert!(
            shared.panicked.load(Ordering::Relaxed) == 0,
            "a helper of the crew panicked"
        );
    }
}

/// Calls the helpers, runs `body`, and sends the helpers home.
fn muster<'scope, R>(
    scope: &rayon::Scope<'scope>,
    shared: &'scope Shared,
    threads: usize,
    body: impl FnOnce(&Crew<'_>) -> R,
) -> R {
    let _dismiss = Dismiss(shared);
    for slot in 1..threads {
        scope.spawn(move |_| shared.help(slot));
    }
    body(&Crew {
        shared: Some(shared),
        slots: threads,
        _not_sync: PhantomData,
    })
}

/// Waits, even when unwinding, for claimed units, and makes unclaimed ones unclaimable.
struct Finish<'a> {
    shared: &'a Shared,
    units: usize,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut left = self.units;
        if std::thread::panicking() {
            let old = self.shared.state.0.fetch_or(FIELD, Ordering::AcqRel);
            // The unit that panicked here counts as done, the unclaimed ones never will be.
            left = (old & FIELD).min(self.units as u64) as usize - 1;
        }
        let mut wait = Wait(0);
        while self.shared.done.0.load(Ordering::Acquire) < left {
            wait.turn();
        }
    }
}

/// Sends the helpers home, also when the caller unwinds.
struct Dismiss<'a>(&'a Shared);

impl Drop for Dismiss<'_> {
    fn drop(&mut self) {
        self.0.state.0.store(FINISHED, Ordering::Release);
    }
}

#[derive(PartialEq)]
enum Turn {
    Worked,
    Idle,
    Home,
}

impl Shared {
    fn take_unit(&self, slot: usize) -> Turn {
        let state = self.state.0.load(Ordering::Acquire);
        if state == FINISHED {
            return Turn::Home;
        }
        if state & FIELD >= state >> 20 & FIELD {
            return Turn::Idle;
        }
        let claim =
            self.state
                .0
                .compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed);
        if claim.is_ok() {
            // SAFETY: a unit of this phase is claimed, so the phase and its task last until `done`.
            let task = unsafe { &**self.task.get() };
            task((state & FIELD) as usize, slot);
            self.done.0.fetch_add(1, Ordering::Release);
        }
        Turn::Worked
    }

    fn help(&self, slot: usize) {
        /// Counts the unit as done if its work panics, so that the caller wakes and can tell.
        struct Count<'a>(&'a Shared);
        impl Drop for Count<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.panicked.fetch_add(1, Ordering::Relaxed);
                    self.0.done.0.fetch_add(1, Ordering::Release);
                }
            }
        }
        let _count = Count(self);
        let mut wait = Wait(0);
        loop {
            match self.take_unit(slot) {
                Turn::Worked => wait = Wait(0),
                Turn::Idle => wait.turn(),
                Turn::Home => return,
            }
        }
    }
}

struct Wait(u32);

impl Wait {
    fn turn(&mut self) {
        self.0 += 1;
        if self.0 < SPINS {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests;
