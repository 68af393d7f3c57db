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
/// Where many calls wait it may be longer, by so much for each: a look takes some 20 microseconds.
const SIGNALS_EACH: Duration = Duration::from_micros(400);

/// A call that waits.
pub(super) struct Parked {
    pub(super) target: Target,
    answer: Answer,
    pub(super) operation: Box<dyn Operation<Target>>,
    wait: Wait,
    registration: Registration,
    /// When it is looked at for signals next, and how long that was put off.
    look: (Duration, Duration),
}

impl Parked {
    fn unregister(self) -> (Target, Answer, Box<dyn Operation<Target>>, Wait) {
        let Self { target, answer, operation, wait, registration, look: _ } = self;
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
    /// When signals are looked for.
    looks: BTreeSet<(Duration, u64)>,
}

impl Parking {
    /// When something is to be done that nobody announces.
    pub(super) fn next_look(&self) -> Option<Duration> {
        [self.deadlines.first(), self.looks.first()].into_iter().flatten().map(|(at, _)| *at).min()
    }

    fn insert(&mut self, id: u64, call: Parked) {
        if let Some(deadline) = call.wait.deadline {
            self.deadlines.insert((deadline, id));
        }
        self.looks.insert((call.look.0, id));
        self.calls.insert(id, call);
    }

    fn remove(&mut self, id: u64) -> Option<Parked> {
        let call = self.calls.remove(&id)?;
        if let Some(deadline) = call.wait.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.looks.remove(&(call.look.0, id));
        Some(call)
    }

    /// Those whose time is up.
    pub(super) fn due(&self, now: Duration) -> Vec<u64> {
        self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, id)| *id).collect()
    }

    /// Those that are to be looked at for signals now. When they are next, is settled thereby.
    pub(super) fn take_looks(&mut self, now: Duration) -> Vec<u64> {
        let most = SIGNALS.1.max(SIGNALS_EACH * self.calls.len() as u32);
        let due: Vec<_> = self.looks.iter().take_while(|(at, _)| *at <= now).copied().collect();
        for look in &due {
            self.looks.remove(look);
            if let Some(call) = self.calls.get_mut(&look.1) {
                let pause = (call.look.1 * 3 / 2).min(most);
                call.look = (now + pause, pause);
                self.looks.insert((call.look.0, look.1));
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// The call of that id.
    pub(super) fn get(&self, id: u64) -> Option<&Parked> {
        self.calls.get(&id)
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
                    let look = (now() + SIGNALS.0, SIGNALS.0);
                    self.parking.insert(id, Parked { target, answer, operation, wait, registration, look });
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

    /// Forgets the calls on that socket of threads that have been killed.
    pub(super) fn forget_calls_of_the_dead(&mut self, file: &Rc<File>) {
        let concerned = |call: &Parked| {
            call.target.subject.as_ref().is_some_and(|(_, subject)| Rc::ptr_eq(file, subject))
        };
        let ids: Vec<_> = self.parking.iter().filter(|(_, call)| concerned(call)).map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.forget_if_dead(id));
    }

    /// Forgets a call if its thread has been killed.
    pub(super) fn forget_if_dead(&mut self, id: u64) {
        if !self.listener.is_valid(id)
            && let Some(call) = self.parking.remove(id)
        {
            call.unregister();
        }
    }
}

fn is_same(wait: &Wait, next: &Wait) -> bool {
    Arc::ptr_eq(&wait.pollee, &next.pollee) && wait.events == next.events && wait.deadline == next.deadline
}
