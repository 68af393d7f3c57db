//! The supervisor: takes calls, has the layer perform them, and answers.
//!
//! It is one thread. A call that has to wait is parked ([`super::parked`]) and the next is taken; what a call has announced is
//! dealt with before it is answered, so that what its program does next finds the world as it should be.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};
use socket::{
    error::{Errno, Error, Result},
    ready::Events,
    socket::Socket,
    step::{Operation, Step},
};

use super::{
    caller::{Target, now},
    calls::Request,
    files::{File, News},
    listener::Listener,
    parked::Parking,
    paths::failed,
    placeholder::Placeholder,
    sys::Notification,
    system::System,
    watch::Subject,
};

/// What a call gives to its program besides, or instead of, its value.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// The value, or the number of the one descriptor that it has got.
    Value,
    /// The numbers of two, at this address.
    Pair(usize),
}

/// The state of the supervisor.
pub(super) struct Supervisor {
    pub(super) listener: Listener,
    pub(super) system: Rc<System>,
    pub(super) parking: Parking,
    /// What has been announced and is being dealt with.
    news: Vec<News>,
}

impl Supervisor {
    pub(super) fn new(listener: Listener, system: Rc<System>) -> Self {
        Self { listener, system, parking: Parking::default(), news: Vec::new() }
    }

    /// Serves until the last process with the filter has ended, or something comes at `stop`.
    ///
    /// # Errors
    /// Where the kernel gives no more notifications.
    pub(super) fn serve(&mut self, stop: &OwnedFd) -> io::Result<()> {
        loop {
            let mut ready = [
                PollFd::new(&self.listener, PollFlags::IN),
                PollFd::new(&self.system.watch, PollFlags::IN),
                PollFd::new(stop, PollFlags::IN),
            ];
            let wait = if self.system.watch.has_told() {
                Some(Duration::ZERO)
            } else {
                let now = now();
                let network = self.system.world.network.deadline(now.into()).map(|at| at.since(now.into()));
                let parked = self.parking.next_look().map(|at| at.saturating_sub(now));
                network.into_iter().chain(parked).min()
            };
            match poll(&mut ready, wait.and_then(|wait| Timespec::try_from(wait).ok()).as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let [calls, ends, stopped] = ready.each_ref().map(PollFd::revents);
            if !stopped.is_empty() {
                self.system.threads.kill_all();
                return Ok(());
            }
            if !ends.is_empty() || self.system.watch.has_told() {
                self.look_at_ends();
            }
            let moment = now();
            if self.system.world.network.is_due(moment.into()) {
                self.system.world.network.poll(moment.into());
                self.settle();
            }
            self.look_at_parked(moment);
            if calls.contains(PollFlags::IN) {
                if let Some(notification) = self.listener.receive()? {
                    self.take(&notification);
                }
            } else if calls.contains(PollFlags::HUP) {
                return Ok(());
            }
        }
    }

    /// Takes a call.
    fn take(&mut self, notification: &Notification) {
        let request = Request::new(notification);
        let (id, number) = (notification.id, notification.pid as i32);
        if request.looks() && self.system.files.unshown() == 0 {
            return self.listener.proceed(id);
        }
        // One that has been killed meanwhile wants nothing.
        let Ok(thread) = self.system.threads.get(number, &self.system.watch) else {
            return self.listener.proceed(id);
        };
        if request.looks() {
            if !self.look(&thread, id, &request) {
                self.listener.proceed(id);
            }
            return;
        }
        if request.creates() {
            let target = Target::new(&self.system, thread, id, None, None);
            return self.begin(target, &request);
        }
        for descriptor in request.descriptors() {
            let far = match thread.file(descriptor) {
                Ok(far) => far,
                Err(error) => {
                    if error.raw_os_error() == Some(libc::EPERM) {
                        self.system.report.closed(thread.process);
                    }
                    continue;
                }
            };
            let Some(file) = self.system.file(&far) else { continue };
            // O_NONBLOCK is the placeholder's: programs set it there.
            let nonblocking = fcntl_getfl(&far).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK));
            file.socket.set_nonblocking(nonblocking);
            let target = Target::new(&self.system, thread, id, Some((descriptor, file)), Some(far));
            return self.begin(target, &request);
        }
        self.listener.proceed(id);
    }

    /// Steps a call that has been admitted, for the first time.
    pub(super) fn run<O: Operation<Target> + 'static>(
        &mut self,
        target: Target,
        answer: Answer,
        operation: Result<O>,
    ) {
        let mut operation = match operation {
            Ok(operation) => operation,
            Err(error) => return self.refuse(&target, error.errno.number().into()),
        };
        match operation.step(&target) {
            Step::Done(result) => self.finish(&target, answer, result),
            Step::Wait(wait) => {
                // Who else closes the descriptor is to have closed it.
                *target.far.borrow_mut() = None;
                self.park(target, answer, Box::new(operation), wait);
            }
        }
    }

    /// A call is over: shows what has become of its socket, deals with what it has announced, and answers it.
    pub(super) fn finish(&mut self, target: &Target, answer: Answer, result: Result<usize>) {
        if let Some((descriptor, file)) = &target.subject {
            self.settle_subject(target, *descriptor, file);
            if result.is_ok()
                && let Some(node) = target.node.borrow_mut().take()
            {
                *file.node.borrow_mut() = Some(node);
            }
        }
        let result = result.and_then(|value| self.hand_over(target, answer, value));
        *target.far.borrow_mut() = None;
        self.settle();
        match result {
            Ok(_) if target.natively.get() => self.listener.proceed(target.id),
            Ok(value) => self.listener.value(target.id, value),
            Err(error) => self.listener.error(target.id, error.errno.number().into()),
        }
    }

    /// A call fails before it has begun.
    pub(super) fn refuse(&self, target: &Target, errno: i32) {
        self.listener.error(target.id, errno);
    }

    /// Has the placeholder of a call's own socket show its state, with the far end at hand.
    fn settle_subject(&mut self, target: &Target, descriptor: i32, file: &Rc<File>) {
        let mut far = target.far.borrow_mut();
        if far.is_none() {
            // It may be another file's by now.
            let same = |far: &OwnedFd| self.system.file(far).is_some_and(|it| Rc::ptr_eq(&it, file));
            *far = target.thread.file(descriptor).ok().filter(same);
        }
        if let Some(far) = &*far
            && let Ok(flags) = fcntl_getfl(far)
            && flags.contains(OFlags::NONBLOCK) != file.socket.nonblocking()
        {
            // It cannot fail: the descriptor is open, and the flag is one of those that can be changed.
            let _ = fcntl_setfl(far, flags ^ OFlags::NONBLOCK);
        }
        file.show(Events::empty(), &self.system.watch, far.as_ref().map(AsFd::as_fd));
    }

    /// Gives the target the descriptors of the sockets that it has got; the call's value.
    fn hand_over(&mut self, target: &Target, answer: Answer, value: usize) -> Result<usize> {
        let sockets = target.installed.take();
        if sockets.is_empty() {
            return Ok(value);
        }
        let numbers = sockets
            .into_iter()
            .map(|(socket, close_on_exec)| self.install(target, socket, close_on_exec))
            .collect::<Result<Vec<_>>>()?;
        match (answer, &numbers[..]) {
            (Answer::Value, [number, ..]) => Ok(*number as usize),
            (Answer::Pair(address), _) => {
                let bytes = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<_>>();
                socket::caller::Caller::write_memory(target, address, &bytes)?;
                Ok(value)
            }
            (Answer::Value, []) => Ok(value),
        }
    }

    fn install(&mut self, target: &Target, socket: Arc<Socket>, close_on_exec: bool) -> Result<i32> {
        let system = &self.system;
        let (placeholder, far) =
            Placeholder::new(&system.watch).map_err(|_| Error::new(Errno::ENFILE, "no placeholder"))?;
        if socket.nonblocking() {
            let _ = fcntl_setfl(&far, OFlags::RDWR | OFlags::NONBLOCK);
        }
        let cookie = placeholder.cookie;
        let file = system.files.insert(socket, placeholder, &system.queue);
        file.show(Events::empty(), &system.watch, Some(far.as_fd()));
        self.listener.add_descriptor(target.id, far.as_fd(), close_on_exec).map_err(|error| {
            system.files.remove(cookie);
            failed(&error)
        })
    }

    /// Deals with everything that has been announced. Calls that waited for it go first: what they take need not be shown.
    pub(super) fn settle(&mut self) {
        while !self.system.queue.is_empty() {
            let mut news = std::mem::take(&mut self.news);
            self.system.queue.swap(&mut news);
            for news in &news {
                if let News::Call(id) = news {
                    self.resume(*id);
                }
            }
            for news in &news {
                if let News::File(cookie, events) = news
                    && let Some(file) = self.system.files.get(*cookie)
                {
                    file.show(*events, &self.system.watch, None);
                }
            }
            news.clear();
            self.news = news;
        }
    }

    /// Sockets whose last descriptor is closed, and threads that have ended.
    fn look_at_ends(&mut self) {
        loop {
            let ended = self.system.watch.ended();
            if ended.is_empty() {
                return;
            }
            for subject in ended {
                match subject {
                    Subject::Thread(number) => self.system.threads.remove(number),
                    Subject::Waiting(number) => self.resume_thread(number),
                    Subject::Socket(cookie) => {
                        let Some(file) = self.system.files.remove(cookie) else { continue };
                        self.forget_calls_of_the_dead(&file);
                        drop(file);
                    }
                }
                self.settle();
            }
        }
    }

    /// Parked calls that have waited long enough, or that signals interrupt.
    fn look_at_parked(&mut self, now: Duration) {
        for id in self.parking.due(now) {
            self.resume(id);
        }
        for id in self.parking.take_looks(now) {
            self.forget_if_dead(id);
            self.look_for_signals(id);
        }
        self.settle();
    }
}
