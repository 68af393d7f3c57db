//! The same sockets for the kernel's own code: no descriptors, no user memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use net_stack::{Stack, random::Secret};
use socket::{
    bytes::Sink,
    caller::Fault,
    error::Errno,
    family::unix::stream::Received,
    identity::{Credentials, Identity},
    policy::{Count, Mode, Policy, Profile},
    ready::{Events, Observer},
    socket::{How, Socket, Target},
    step::Stop,
    world::{Limits, World},
};

fn world() -> World {
    let policy = Policy::new(Profile::Postern.tables(), Mode::Enforce, Count::Rule, 1);
    World::new(policy, Limits::default(), Stack::new(Secret::new([1, 2])))
}

#[derive(Default)]
struct Upcalls(AtomicUsize);

impl Observer for Upcalls {
    fn notify(&self, _events: Events) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_conversation() {
    let world = world();
    let listener = Socket::create(&world, 1, 1, 0).unwrap();
    listener.bind_abstract(&world, b"name").unwrap();
    listener.listen(&world, 1, Identity::kernel()).unwrap();
    assert!(matches!(listener.accept(true), Err(Stop::Blocked(_))));

    let upcalls = Arc::<Upcalls>::default();
    let registration = listener.pollee().register(upcalls.clone(), Events::IN);
    let client = Socket::create(&world, 1, 1, 0).unwrap();
    client.connect(&world, Target::Abstract(b"name"), Identity::kernel()).unwrap();
    assert_eq!(upcalls.0.load(Ordering::SeqCst), 1);
    listener.pollee().unregister(registration);

    let server = listener.accept(true).unwrap();
    assert_eq!(client.send(&mut &b"question"[..]).unwrap(), 8);
    let mut room = [0; 20];
    assert_eq!(server.receive(&mut &mut room[..], false).unwrap(), Received::Bytes(8));
    assert_eq!(&room[..8], b"question");
    assert_eq!(server.peer_credentials(), Credentials::default());
    server.shutdown(How::Send);
    assert_eq!(client.receive(&mut &mut room[..], false).unwrap(), Received::End);
    drop(server);
    let Err(Stop::Error(error)) = client.send(&mut &b"x"[..]) else { panic!() };
    assert_eq!(error.errno, Errno::EPIPE);
}

#[test]
fn a_full_buffer_says_where_to_wait() {
    let world = world();
    let [one, other] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
    let payload = vec![7; 1 << 20];
    let mut source = &payload[..];
    assert_eq!(one.send(&mut source).unwrap(), 219_264);
    assert_eq!(source.len(), (1 << 20) - 219_264);
    let Err(Stop::Blocked(blocked)) = one.send(&mut source) else { panic!() };
    assert!(Arc::ptr_eq(&blocked.pollee, one.pollee()));
    let upcalls = Arc::<Upcalls>::default();
    let registration = blocked.pollee.register(upcalls.clone(), blocked.events);
    let mut room = vec![0; 1 << 20];
    assert_eq!(other.receive(&mut &mut room[..], false).unwrap(), Received::Bytes(219_264));
    assert!(upcalls.0.load(Ordering::SeqCst) > 0);
    blocked.pollee.unregister(registration);
}

/// Room in which, while bytes are stored there, others use the socket, too.
struct Busy<'a> {
    reader: &'a Socket,
    writer: &'a Socket,
    room: usize,
    stored: Vec<u8>,
}

impl Sink for Busy<'_> {
    fn room(&self) -> usize {
        self.room - self.stored.len()
    }

    fn put(&mut self, from: &[u8]) -> Result<(), Fault> {
        // Another reader has to wait its turn, even one that must not wait for bytes; it will be told.
        let upcalls = Arc::<Upcalls>::default();
        let mut other = [0; 10];
        for _ in 0..2 {
            let Err(Stop::Contended(blocked)) = self.reader.receive(&mut &mut other[..], false) else {
                panic!()
            };
            self.reader.pollee().register(upcalls.clone(), blocked.events);
        }
        assert_eq!(upcalls.0.load(Ordering::SeqCst), 0);
        // What is being read still is there for all others, and writers need not wait.
        assert!(self.reader.poll().contains(Events::IN));
        if self.stored.is_empty() {
            self.writer.send(&mut &[b'm'; 40][..]).unwrap();
        }
        self.stored.extend_from_slice(from);
        Ok(())
    }
}

#[test]
fn readers_take_turns_and_writers_do_not_wait_for_them() {
    let world = world();
    for size in [5, 100, 200, 3000] {
        for peek in [false, true] {
            let [reader, writer] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
            writer.send(&mut &vec![b'x'; size][..]).unwrap();
            let mut sink = Busy { reader: &reader, writer: &writer, room: size, stored: Vec::new() };
            assert_eq!(reader.receive(&mut sink, peek).unwrap(), Received::Bytes(size));
            assert_eq!(sink.stored, vec![b'x'; size]);
            let mut rest = vec![0; 5000];
            let left = if peek { size + 40 } else { 40 };
            assert_eq!(reader.receive(&mut &mut rest[..], false).unwrap(), Received::Bytes(left));
            assert_eq!(rest[left - 40..left], [b'm'; 40]);
            // The next reader finds the place free.
            writer.send(&mut &b"next"[..]).unwrap();
            assert_eq!(reader.receive(&mut &mut rest[..], false).unwrap(), Received::Bytes(4));
        }
    }
}

#[test]
fn who_waited_for_a_reader_is_told() {
    let world = world();
    let [reader, writer] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
    writer.send(&mut &b"hello"[..]).unwrap();
    let upcalls = Arc::<Upcalls>::default();
    reader.pollee().register(upcalls.clone(), Events::IN);
    let mut sink = Busy { reader: &reader, writer: &reader, room: 5, stored: Vec::new() };
    reader.receive(&mut sink, false).unwrap();
    assert_eq!(upcalls.0.load(Ordering::SeqCst), 1);
}

/// A fault while others write: nothing is lost, and nothing changes places.
#[test]
fn a_fault_leaves_the_bytes_in_their_places() {
    struct Hole<'a>(&'a Socket);
    impl Sink for Hole<'_> {
        fn room(&self) -> usize {
            100_000
        }
        fn put(&mut self, _from: &[u8]) -> Result<(), Fault> {
            self.0.send(&mut &[b'm'; 40][..]).unwrap();
            Err(Fault { copied: 0 })
        }
    }
    let world = world();
    for size in [5, 100, 200, 3000] {
        let [reader, writer] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
        writer.send(&mut &vec![b'x'; size][..]).unwrap();
        for _ in 0..3 {
            let Err(Stop::Error(error)) = reader.receive(&mut Hole(&writer), false) else { panic!() };
            assert_eq!(error.errno, Errno::EFAULT);
        }
        let mut all = vec![0; 5000];
        assert_eq!(reader.receive(&mut &mut all[..], false).unwrap(), Received::Bytes(size + 120));
        assert_eq!(all[..size + 120], [vec![b'x'; size], vec![b'm'; 120]].concat());
    }
}
