//! The clocks, all from the time stamp counter.

use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ostd::arch::{read_tsc, tsc_freq};
use socket::ready::{Events, Pollee};
use spin::Once;

use super::{calibration, rtc};

/// Nanoseconds per count, times 2^32. Until [`init`] a guess of 1 GHz, for the log.
static SCALE: AtomicU64 = AtomicU64::new(1 << 32);
/// What CLOCK_REALTIME showed when CLOCK_MONOTONIC showed zero, in nanoseconds since 1970.
static REALTIME_AT_ZERO: AtomicU64 = AtomicU64::new(0);

/// Where it is announced that CLOCK_REALTIME was set.
static CHANGES: Once<Arc<Pollee>> = Once::new();

/// Finds out how fast time passes and what time it is.
///
/// ostd measures the counter against 100 ticks of a timer, which is far off when the host is busy; a frequency from the
/// command line is best, a measurement of our own second.
pub(crate) fn init(tsc_hz: Option<u64>) {
    let hz = tsc_hz.or_else(calibration::measure_tsc).unwrap_or_else(tsc_freq).max(1_000_000);
    SCALE.store(((1_000_000_000u128 << 32) / u128::from(hz)) as u64, Ordering::Relaxed);
    let realtime = rtc::read().unwrap_or_default();
    REALTIME_AT_ZERO.store(realtime.saturating_sub(now_ns()), Ordering::Relaxed);
    ostd::info!("time stamp counter: {hz} Hz, {realtime} ns since 1970");
}

/// Nanoseconds since the machine was reset.
pub(crate) fn now_ns() -> u64 {
    ((u128::from(read_tsc()) * u128::from(SCALE.load(Ordering::Relaxed))) >> 32) as u64
}

/// CLOCK_MONOTONIC and CLOCK_BOOTTIME: since the machine was reset.
pub(crate) fn now() -> Duration {
    Duration::from_nanos(now_ns())
}

/// CLOCK_REALTIME: since 1970 (UTC).
pub(crate) fn realtime() -> Duration {
    Duration::from_nanos(REALTIME_AT_ZERO.load(Ordering::Relaxed).saturating_add(now_ns()))
}

/// The moment on CLOCK_MONOTONIC at which CLOCK_REALTIME will show `time`.
pub(crate) fn monotonic_from_realtime(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_nanos(REALTIME_AT_ZERO.load(Ordering::Relaxed)))
}

/// Sets CLOCK_REALTIME. False where it would show less than CLOCK_MONOTONIC, which is refused.
pub(crate) fn set_realtime(time: Duration) -> bool {
    let Ok(time) = u64::try_from(time.as_nanos()) else { return false };
    let Some(at_zero) = time.checked_sub(now_ns()) else { return false };
    REALTIME_AT_ZERO.store(at_zero, Ordering::Relaxed);
    changes().notify(Events::IN);
    true
}

/// Announces [`Events::IN`] whenever CLOCK_REALTIME was set: who waits for a time on it looks again how long that is.
pub(crate) fn changes() -> &'static Arc<Pollee> {
    CHANGES.call_once(|| Arc::new(Pollee::new()))
}
