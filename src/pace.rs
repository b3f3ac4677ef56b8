//! Where long work lets others go first.
//!
//! A loop over what a peer has sent says with [`spend`] how much it has done. The executor that
//! carries the work out gives a function with [`within`]; it is called each time a quarter of a
//! millisecond of work is spent, and may hold the work up until its turn comes again. Without such
//! a function, as in tests, fuzzers and the command line, nothing happens.
//!
//! It changes when work is done and never what it gives, so it is a value of the thread and no
//! argument of every parser. It knows no clock: a unit of work is about a nanosecond.

use core::marker::PhantomData;
use std::cell::{Cell, RefCell};

/// The function that is called between two steps.
type Pause = Box<dyn FnMut()>;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    static HELD: Cell<u32> = const { Cell::new(0) };
    static STEP: RefCell<Option<Pause>> = const { RefCell::new(None) };
}

/// Counts work that is done or about to be done, in units of about a nanosecond: an octet that is
/// scanned is one, an octet that is decoded some, a row of the store about a thousand. Call it in
/// every loop whose length a peer decides, at least once for 100,000 units.
#[inline]
pub fn spend(work: usize) {
    LEFT.with(|left| match left.get().checked_sub(work) {
        Some(rest) => left.set(rest),
        None => step(left),
    });
}

#[cold]
fn step(left: &Cell<usize>) {
    if HELD.with(Cell::get) > 0 {
        return left.set(STEP_WORK);
    }
    // A step that spends work itself finds no function.
    let taken = STEP.with(|step| step.borrow_mut().take());
    left.set(usize::MAX);
    if let Some(mut step) = taken {
        step();
        STEP.with(|place| *place.borrow_mut() = Some(step));
        left.set(STEP_WORK);
    }
}

/// Runs `run`; `step` is called each time it has spent a step of work.
pub fn within<T>(step: impl FnMut() + 'static, run: impl FnOnce() -> T) -> T {
    let _end = Unpaced;
    STEP.with(|place| *place.borrow_mut() = Some(Box::new(step)));
    LEFT.with(|left| left.set(STEP_WORK));
    run()
}

/// Until the value is dropped, no function is called: the work holds something that others need,
/// such as a read transaction. What is spent meanwhile is counted.
pub fn hold() -> Hold {
    HELD.with(|held| held.set(held.get() + 1));
    Hold(PhantomData)
}

/// Ends what [`hold`] began. It belongs to its thread.
#[derive(Debug)]
#[must_use]
pub struct Hold(PhantomData<*const ()>);

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get().saturating_sub(1)));
    }
}

/// Takes the function away, also when the work panics.
struct Unpaced;

impl Drop for Unpaced {
    fn drop(&mut self) {
        LEFT.with(|left| left.set(usize::MAX));
        STEP.with(|step| step.borrow_mut().take());
    }
}

/// Units of work between two calls of the function: a quarter of a millisecond.
const STEP_WORK: usize = 250_000;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_step_comes_for_each_quarter_of_a_millisecond() {
        let steps = Rc::new(Cell::new(0u32));
        let count = Rc::clone(&steps);
        let step = move || {
            count.set(count.get() + 1);
            spend(STEP_WORK * 2);
        };
        spend(STEP_WORK * 3);
        within(step, || {
            for _ in 0..10 {
                spend(STEP_WORK / 2 + 1);
            }
        });
        spend(STEP_WORK * 3);
        assert_eq!(steps.get(), 5);
    }

    #[test]
    fn no_step_comes_while_the_work_holds_something() {
        let steps = Rc::new(Cell::new(0u32));
        let count = Rc::clone(&steps);
        let spend_steps = || (0..3).for_each(|_| spend(STEP_WORK + 1));
        within(
            move || count.set(count.get() + 1),
            || {
                let outer = hold();
                let inner = hold();
                spend_steps();
                drop(inner);
                spend_steps();
                assert_eq!(steps.get(), 0);
                drop(outer);
                spend_steps();
                assert_eq!(steps.get(), 3);
            },
        );
    }
}
