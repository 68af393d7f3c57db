//! Calls that wait: each is kept with its target until it is done, its time is up, a signal comes, or its thread is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use socket::{
    ready::{Events, Observer, Registration},
    step::{Operation, Step, Wait},
};

use super::{
    caller::{Target, now},
    files::{File, News, Queue},
    supervisor::{Answer, Supervisor},
};

/// How soon after it has begun to wait a call is looked at for signals, and how long it may be until the next time. Nothing
/// tells of a signal that a thread in a call gets; so this is how late its handler may come.
const SIGNALS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(40));

/// A call that waits.
pub(super) struct Parked {
    pub(super) target: Target,
    answer: Answer,
    pub(super) operation: Box<dyn Operation<Target>>,
    wait: Wait,
    registration: Registration,
}

impl Parked {
    fn unregister(self) -> (Target, Answer, Box<dyn Operation<Target>>, Wait) {
        let Self { target, answer, operation, wait, registration } = self;
        wait.pollee.unregister(registration);
        (target, answer, operation, wait)
    }

    /// Whether it waits for so long at most.
    pub(super) fn has_deadline(&self) -> bool {
        self.wait.deadline.is_some()
    }
}

/// Tells the queue that a call may go on.
struct Waker {
    id: u64,
    queue: Arc<Queue>,
}

impl Observer for Waker {
    fn notify(&self, _events: Events) {
        self.queue.push(News::Call(self.id));
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Parking {
    /// By the notifications' ids.
    calls: BTreeMap<u64, Parked>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// When signals are looked for next, and how long that was put off.
    signals: Option<(Duration, Duration)>,
}

impl Parking {
    /// When something is to be done that nobody announces.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        [deadline, self.signals.map(|(at, _)| at)].into_iter().flatten().min()
    }

    fn insert(&mut self, id: u64, call: Parked) {
        if let Some(deadline) = call.wait.deadline {
            self.deadlines.insert((deadline, id));
        }
        self.calls.insert(id, call);
        let soon = now() + SIGNALS.0;
        if self.signals.is_none_or(|(at, _)| at > soon) {
            self.signals = Some((soon, SIGNALS.0));
        }
    }

    fn remove(&mut self, id: u64) -> Option<Parked> {
        let call = self.calls.remove(&id)?;
        if let Some(deadline) = call.wait.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(call)
    }

    /// Those whose time is up.
    pub(super) fn due(&self, now: Duration) -> Vec<u64> {
        self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, id)| *id).collect()
    }

    /// Whether signals are to be looked for now, and if so, when next.
    pub(super) fn is_time_for_signals(&mut self, now: Duration) -> bool {
        match self.signals {
            Some((at, pause)) if at <= now => {
                let pause = (pause * 3 / 2).min(SIGNALS.1);
                self.signals = (!self.calls.is_empty()).then(|| (now + pause, pause));
                true
            }
            _ => false,
        }
    }

    /// All calls, in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Parked)> {
        self.calls.iter().map(|(id, call)| (*id, call))
    }
}

impl Supervisor {
    /// Puts a call aside until what it waits for is announced.
    pub(super) fn park(
        &mut self,
        target: Target,
        answer: Answer,
        mut operation: Box<dyn Operation<Target>>,
        mut wait: Wait,
    ) {
        loop {
            let waker = Arc::new(Waker { id: target.id, queue: self.system.queue.clone() });
            let registration = wait.pollee.register(waker, wait.events);
            // What has happened before the registration was announced to nobody.
            match operation.step(&target) {
                Step::Done(result) => {
                    wait.pollee.unregister(registration);
                    return self.finish(&target, answer, result);
                }
                Step::Wait(next) if is_same(&wait, &next) => {
                    let id = target.id;
                    self.parking.insert(id, Parked { target, answer, operation, wait, registration });
                    return self.settle();
                }
                Step::Wait(next) => {
                    wait.pollee.unregister(registration);
                    wait = next;
                }
            }
        }
    }

    /// What a call waits for may have happened, or its time is up.
    pub(super) fn resume(&mut self, id: u64) {
        let Some(mut call) = self.parking.remove(id) else { return };
        if !self.listener.is_valid(id) {
            call.unregister();
            return;
        }
        match call.operation.step(&call.target) {
            Step::Done(result) => {
                let (target, answer, ..) = call.unregister();
                self.finish(&target, answer, result);
            }
            Step::Wait(next) if is_same(&call.wait, &next) => self.parking.insert(id, call),
            Step::Wait(next) => {
                let (target, answer, operation, _) = call.unregister();
                self.park(target, answer, operation, next);
            }
        }
    }

    /// What a thread's call waits for may have happened.
    pub(super) fn resume_thread(&mut self, number: i32) {
        let call = self.parking.iter().find(|(_, call)| call.target.thread.number == number);
        if let Some(id) = call.map(|(id, _)| id) {
            self.resume(id);
        }
    }

    /// Ends a call that a signal interrupts.
    pub(super) fn take_parked(&mut self, id: u64) -> Option<(Target, Answer, Box<dyn Operation<Target>>)> {
        let (target, answer, operation, _) = self.parking.remove(id)?.unregister();
        Some((target, answer, operation))
    }

    /// Forgets the calls, on that socket or on any, of threads that have been killed.
    pub(super) fn forget_calls_of_the_dead(&mut self, file: Option<&Rc<File>>) {
        let concerned = |call: &Parked| match (file, &call.target.subject) {
            (Some(file), Some((_, subject))) => Rc::ptr_eq(file, subject),
            (None, _) => true,
            _ => false,
        };
        let dead = self.parking.iter().filter(|(id, call)| concerned(call) && !self.listener.is_valid(*id));
        for id in dead.map(|(id, _)| id).collect::<Vec<_>>() {
            if let Some(call) = self.parking.remove(id) {
                call.unregister();
            }
        }
    }
}

fn is_same(wait: &Wait, next: &Wait) -> bool {
    Arc::ptr_eq(&wait.pollee, &next.pollee) && wait.events == next.events && wait.deadline == next.deadline
}
