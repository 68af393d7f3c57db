//! Real threads on the same sockets: nothing is lost, nobody is forgotten, nothing hangs.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use net_stack::{Stack, random::Secret};
use socket::{
    error::Errno,
    family::unix::stream::Received,
    identity::Identity,
    policy::{Count, Mode, Policy, Profile},
    ready::{Events, Observer},
    socket::{Socket, Target},
    step::{Attempt, Blocked, Stop},
    world::{Limits, World},
};

fn world() -> Arc<World> {
    let policy = Policy::new(Profile::Postern.tables(), Mode::Enforce, Count::Rule, 1);
    Arc::new(World::new(policy, Limits::default(), Stack::new(Secret::new([1, 2]))))
}

/// A thread that sleeps until it is told.
#[derive(Default)]
struct Sleeper {
    told: Mutex<bool>,
    wake: Condvar,
}

impl Observer for Sleeper {
    fn notify(&self, _events: Events) {
        *self.told.lock().unwrap() = true;
        self.wake.notify_one();
    }
}

/// As a kernel's wait loop: register, try again, sleep. A wake-up that was lost shows as a time-out.
fn wait<T>(mut attempt: impl FnMut() -> Attempt<T>) -> Result<T, Errno> {
    loop {
        let blocked = match attempt() {
            Ok(value) => return Ok(value),
            Err(Stop::Error(error)) => return Err(error.errno),
            Err(Stop::Blocked(blocked) | Stop::Contended(blocked)) => blocked,
        };
        let sleeper = Arc::<Sleeper>::default();
        let registration = blocked.pollee.register(sleeper.clone(), blocked.events);
        let result = loop {
            match attempt() {
                Ok(value) => break Some(Ok(value)),
                Err(Stop::Error(error)) => break Some(Err(error.errno)),
                // It may wait for something else by now.
                Err(Stop::Blocked(next) | Stop::Contended(next))
                    if next.events != blocked.events || !Arc::ptr_eq(&next.pollee, &blocked.pollee) =>
                {
                    break None;
                }
                Err(_) => {}
            }
            let told = sleeper.told.lock().unwrap();
            let (mut told, timeout) =
                sleeper.wake.wait_timeout_while(told, Duration::from_secs(20), |told| !*told).unwrap();
            assert!(!timeout.timed_out(), "a wake-up was lost");
            *told = false;
        };
        blocked.pollee.unregister(registration);
        if let Some(result) = result {
            return result;
        }
    }
}

fn send_all(socket: &Socket, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        wait(|| socket.send(&mut bytes))?;
    }
    Ok(())
}

/// The stream of numbers that a writer sends: each says who wrote it, and the how-manieth it is.
const NUMBERS: u32 = 20_000;

#[test]
fn one_writer_one_reader_with_little_room() {
    let world = world();
    let [one, other] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
    one.set_send_buffer(&world, 1);
    let writer = thread::spawn(move || {
        let mut bytes = Vec::new();
        for number in 0..NUMBERS {
            bytes.extend(number.to_ne_bytes());
            if bytes.len() > (number as usize * 7919) % 900 {
                send_all(&one, &bytes).unwrap();
                bytes.clear();
            }
        }
        send_all(&one, &bytes).unwrap();
    });
    let mut received = Vec::new();
    let mut room = [0; 700];
    let mut size = 0;
    loop {
        size = (size * 31 + 17) % 700;
        let length = size + 1;
        match wait(|| other.receive(&mut &mut room[..length], false)).unwrap() {
            Received::Bytes(count) | Received::Record(count) => received.extend_from_slice(&room[..count]),
            Received::End => break,
        }
    }
    writer.join().unwrap();
    let expected: Vec<u8> = (0..NUMBERS).flat_map(u32::to_ne_bytes).collect();
    assert!(received == expected);
}

/// Several of each: every message of a writer is small enough to go in one piece, and so comes out in one piece, in the
/// order of its writer, whoever reads it.
#[test]
fn many_writers_many_readers() {
    const WRITERS: usize = 3;
    const MESSAGE: usize = 64;
    let world = world();
    let [one, other] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
    one.set_send_buffer(&world, 1);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let one = one.clone();
            thread::spawn(move || {
                for number in 0..NUMBERS / 4 {
                    let mut message = [writer as u8; MESSAGE];
                    message[..4].copy_from_slice(&number.to_ne_bytes());
                    send_all(&one, &message).unwrap();
                }
            })
        })
        .collect();
    let seen = Arc::new(Mutex::new(vec![Vec::new(); WRITERS]));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (other, seen) = (other.clone(), seen.clone());
            thread::spawn(move || {
                let mut room = [0; MESSAGE];
                while let Received::Bytes(count) = wait(|| other.receive(&mut &mut room[..], false)).unwrap()
                {
                    // Messages are whole multiples in the stream, and so are the reads.
                    assert_eq!(count, MESSAGE);
                    let writer = room[4];
                    assert!(room[4..].iter().all(|byte| *byte == writer));
                    let number = u32::from_ne_bytes(room[..4].try_into().unwrap());
                    seen.lock().unwrap()[usize::from(writer)].push(number);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    drop(one);
    for reader in readers {
        reader.join().unwrap();
    }
    for numbers in seen.lock().unwrap().iter_mut() {
        numbers.sort_unstable();
        assert!(*numbers == (0..NUMBERS / 4).collect::<Vec<_>>());
    }
}

#[test]
fn clients_queue_up_at_a_server() {
    const CLIENTS: usize = 3;
    const ROUNDS: usize = 2000;
    let world = world();
    let listener = Socket::create(&world, 1, 1, 0).unwrap();
    listener.bind_abstract(&world, b"server").unwrap();
    listener.listen(&world, 0, Identity::kernel()).unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    let socket = Socket::create(&world, 1, 1, 0).unwrap();
                    wait(|| socket.connect(&world, Target::Abstract(b"server"), Identity::kernel())).unwrap();
                    send_all(&socket, &[round as u8]).unwrap();
                    let mut answer = [0];
                    let received = wait(|| socket.receive(&mut &mut answer[..], false));
                    assert_eq!((received, answer), (Ok(Received::Bytes(1)), [!(round as u8)]));
                }
            })
        })
        .collect();
    for _ in 0..CLIENTS * ROUNDS {
        let socket = wait(|| listener.accept(false)).unwrap();
        let mut question = [0];
        wait(|| socket.receive(&mut &mut question[..], false)).unwrap();
        send_all(&socket, &[!question[0]]).unwrap();
    }
    for client in clients {
        client.join().unwrap();
    }
}

/// Sockets that connect to each other while they begin to listen: no deadlock, whoever wins.
#[test]
fn connecting_to_each_other() {
    let world = world();
    for _ in 0..2000 {
        let sockets: Vec<_> = [&b"a"[..], b"b"]
            .map(|name| {
                let socket = Socket::create(&world, 1, 1, 0).unwrap();
                socket.bind_abstract(&world, name).unwrap();
                socket
            })
            .into();
        thread::scope(|scope| {
            for (socket, other) in [(&sockets[0], &b"b"[..]), (&sockets[1], b"a")] {
                let world = &world;
                scope.spawn(move || {
                    for _ in 0..20 {
                        let _ = socket.connect(world, Target::Abstract(other), Identity::kernel());
                    }
                });
                scope.spawn(move || socket.listen(world, 1, Identity::kernel()));
            }
        });
    }
}

/// Peers that go away at any moment: the other side sees a whole prefix, and an end.
#[test]
fn a_peer_that_dies_at_any_point() {
    let world = world();
    for round in 0..1000_usize {
        let [one, other] = Socket::pair(&world, 1, 1, 0, Identity::kernel()).unwrap();
        one.set_send_buffer(&world, 1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let writer = thread::spawn(move || {
            let mut sent = 0_usize;
            while !stopped.load(Ordering::Relaxed) {
                let message: Vec<u8> = (sent..sent + 300).map(|index| index as u8).collect();
                match send_all(&one, &message) {
                    Ok(()) => sent += 300,
                    Err(errno) => {
                        assert!(matches!(errno, Errno::EPIPE | Errno::ECONNRESET), "{errno:?}");
                        break;
                    }
                }
            }
        });
        let mut received = 0_usize;
        let mut room = [0; 333];
        while received < round * 10 {
            match wait(|| other.receive(&mut &mut room[..], false)).unwrap() {
                Received::Bytes(count) | Received::Record(count) => {
                    assert!((received..).zip(&room[..count]).all(|(index, byte)| index as u8 == *byte));
                    received += count;
                }
                Received::End => break,
            }
        }
        if round % 2 == 0 {
            stop.store(true, Ordering::Relaxed);
        }
        drop(other);
        writer.join().unwrap();
    }
}

#[test]
fn many_senders_of_datagrams_and_little_room() {
    const SENDERS: u8 = 4;
    const RECORDS: u32 = 3000;
    let world = world();
    let receiver = Socket::create(&world, 1, 2, 0).unwrap();
    receiver.bind_abstract(&world, b"receiver").unwrap();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let world = world.clone();
            thread::spawn(move || {
                let socket = Socket::create(&world, 1, 2, 0).unwrap();
                socket.connect(&world, Target::Abstract(b"receiver"), Identity::kernel()).unwrap();
                for number in 0..RECORDS {
                    let mut record = vec![sender];
                    record.extend(number.to_ne_bytes());
                    // Half of them wait at the receiver, half poll their own socket.
                    loop {
                        match socket.send(&mut &record[..]) {
                            Ok(5) => break,
                            Err(Stop::Blocked(_)) if sender % 2 == 0 => wait_until_writable(&socket),
                            Err(Stop::Blocked(_)) => {
                                wait(|| socket.send(&mut &record[..])).unwrap();
                                break;
                            }
                            met => panic!("{met:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    let mut next = [0; SENDERS as usize];
    for _ in 0..u32::from(SENDERS) * RECORDS {
        let mut record = [0; 16];
        let met = wait(|| receiver.receive(&mut &mut record[..], false)).unwrap();
        assert_eq!(met, Received::Bytes(5));
        let number = u32::from_ne_bytes(record[1..5].try_into().unwrap());
        assert_eq!(number, next[usize::from(record[0])], "of sender {}", record[0]);
        next[usize::from(record[0])] += 1;
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert!(matches!(receiver.receive(&mut &mut [0; 1][..], false), Err(Stop::Blocked(_))));
}

/// As poll(2) does: it watches the socket itself.
fn wait_until_writable(socket: &Socket) {
    let writable = || match socket.poll().contains(Events::OUT) {
        true => Ok(()),
        false => Err(Stop::Blocked(Blocked { pollee: socket.pollee().clone(), events: Events::OUT })),
    };
    wait(writable).unwrap();
}

#[test]
fn peers_of_datagrams_come_and_go() {
    let world = world();
    let names = [&b"one"[..], b"other"];
    let stop = Arc::new(AtomicBool::new(false));
    // Who has the names changes all the time; nobody must wait for one that is gone.
    let owners: Vec<_> = names
        .map(|name| {
            let (world, stop) = (world.clone(), stop.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let socket = Socket::create(&world, 1, 2, 0).unwrap();
                    // A sender that has just found the last owner may keep it for a moment.
                    if socket.bind_abstract(&world, name).is_err() {
                        continue;
                    }
                    for _ in 0..3 {
                        thread::yield_now();
                        let _ = socket.receive(&mut &mut [0; 8][..], false);
                    }
                }
            })
        })
        .into();
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || {
                let socket = Socket::create(&world, 1, 2, 0).unwrap();
                for round in 0..5000_usize {
                    let _ = socket.connect(&world, Target::Abstract(names[round % 2]), Identity::kernel());
                    let met = wait(|| socket.send(&mut &b"x"[..]));
                    let gone = [Errno::ECONNREFUSED, Errno::ENOTCONN, Errno::ECONNRESET, Errno::EPERM];
                    assert!(met.is_ok() || met.is_err_and(|errno| gone.contains(&errno)), "{met:?}");
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    stop.store(true, Ordering::Relaxed);
    owners.into_iter().for_each(|owner| owner.join().unwrap());
}
