//! The same sockets for the kernel's own code: no descriptors, no user memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use socket::{
    caller::Credentials,
    error::Errno,
    family::unix::stream::Received,
    policy::{Count, Mode, Policy, Profile},
    ready::{Events, Observer},
    socket::{How, Socket, Target},
    step::Stop,
    world::{Limits, World},
};

const ROOT: Credentials = Credentials { pid: 1, uid: 0, gid: 0 };

fn world() -> World {
    World::new(Policy::new(Profile::Postern.tables(), Mode::Enforce, Count::Rule, 1), Limits::default())
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
    listener.listen(&world, 1, ROOT).unwrap();
    assert!(matches!(listener.accept(true), Err(Stop::Blocked(_))));

    let upcalls = Arc::<Upcalls>::default();
    let registration = listener.pollee().register(upcalls.clone(), Events::IN);
    let client = Socket::create(&world, 1, 1, 0).unwrap();
    client.connect(&world, Target::Abstract(b"name"), ROOT).unwrap();
    assert_eq!(upcalls.0.load(Ordering::SeqCst), 1);
    listener.pollee().unregister(registration);

    let server = listener.accept(true).unwrap();
    assert_eq!(client.send(&mut &b"question"[..]).unwrap(), 8);
    let mut room = [0; 20];
    assert_eq!(server.receive(&mut &mut room[..], false).unwrap(), Received::Bytes(8));
    assert_eq!(&room[..8], b"question");
    assert_eq!(server.peer_credentials(), ROOT);
    server.shutdown(How::Send);
    assert_eq!(client.receive(&mut &mut room[..], false).unwrap(), Received::End);
    drop(server);
    let Err(Stop::Error(error)) = client.send(&mut &b"x"[..]) else { panic!() };
    assert_eq!(error.errno, Errno::EPIPE);
}

#[test]
fn a_full_buffer_says_where_to_wait() {
    let world = world();
    let [one, other] = Socket::pair(&world, 1, 1, 0, ROOT).unwrap();
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
