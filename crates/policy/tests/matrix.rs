//! Every kind of institution × road × system × situation, against a table that was written by
//! hand from the security policy (clauses 1.2, 2.4(3), 3.3, 3.5(3) and 3.6), not from the code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says why"
)]

#[path = "matrix/world.rs"]
mod world;

use policy::{Denial, InstitutionKind, Network};

use world::{Situation, World};

/// The columns, five systems in each: K-MIX R BASIC, 地域患者情報システム, K-MIX+,
/// 遠隔読影システム, 地域連携クリティカルパスシステム.
const SITUATIONS: [Situation; 7] = [
    Situation::Usual,
    Situation::NotPermitted,
    Situation::InstitutionSuspended,
    Situation::TerminalSuspended,
    Situation::OutOfHours,
    Situation::Maintenance,
    Situation::RoadNotPermitted,
];

/// What is usual: a hospital may use all five; a clinic has nothing to do with tele-radiology; a
/// dental clinic uses claims and pathways; a pharmacy uses claims and patient information.
///
/// `+` is a permit; `S` system, `I` institution, `T` terminal, `H` hours, `M` maintenance and
/// `N` network speak against it. Who may not come at all is told that first; then who may not
/// use the system; then who comes at the wrong time. The IP-VPN knows no terminals.
const TABLE: &str = "
    kind         road    usual  not permitted  inst.  term.  hours  maint.  road
    病院         ip-vpn  +++++  SSSSS          IIIII  +++++  HHHHH  MMMMM   NNNNN
    病院         ipsec   +++++  SSSSS          IIIII  TTTTT  HHHHH  MMMMM   NNNNN
    病院         tls     +++++  SSSSS          IIIII  TTTTT  HHHHH  MMMMM   NNNNN
    診療所       ip-vpn  +++S+  SSSSS          IIIII  +++S+  HHHSH  MMMSM   NNNNN
    診療所       ipsec   +++S+  SSSSS          IIIII  TTTTT  HHHSH  MMMSM   NNNNN
    診療所       tls     +++S+  SSSSS          IIIII  TTTTT  HHHSH  MMMSM   NNNNN
    歯科診療所   ip-vpn  +SSS+  SSSSS          IIIII  +SSS+  HSSSH  MSSSM   NNNNN
    歯科診療所   ipsec   +SSS+  SSSSS          IIIII  TTTTT  HSSSH  MSSSM   NNNNN
    歯科診療所   tls     +SSS+  SSSSS          IIIII  TTTTT  HSSSH  MSSSM   NNNNN
    薬局         ip-vpn  ++SSS  SSSSS          IIIII  ++SSS  HHSSS  MMSSS   NNNNN
    薬局         ipsec   ++SSS  SSSSS          IIIII  TTTTT  HHSSS  MMSSS   NNNNN
    薬局         tls     ++SSS  SSSSS          IIIII  TTTTT  HHSSS  MMSSS   NNNNN
";

#[test]
fn every_combination_is_decided_as_the_security_policy_says() {
    let mut cells = 0;
    for row in TABLE.lines().filter(|line| !line.is_empty()).skip(1) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let kind: InstitutionKind = words[0].parse().unwrap();
        let road: Network = words[1].parse().unwrap();
        for (situation, expected) in SITUATIONS.into_iter().zip(&words[2..]) {
            let world = World::new(kind, road, situation);
            for (system, expected) in world::SYSTEMS.iter().zip(expected.chars()) {
                let answers = world.ask_every_way(road, system);
                assert!(!answers.is_empty());
                for (way, answer) in answers {
                    let found = letter(answer);
                    let place = format!("{kind} {road} {situation:?} {} by {way}", system.id);
                    assert_eq!(found, expected, "{place}");
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 4 * 3 * 5 * 7);
}

fn letter(answer: Option<Denial>) -> char {
    match answer {
        None => '+',
        Some(Denial::SystemNotPermitted) => 'S',
        Some(Denial::InstitutionStopped) => 'I',
        Some(Denial::TerminalStopped) => 'T',
        Some(Denial::OutsideHours) => 'H',
        Some(Denial::Maintenance) => 'M',
        Some(Denial::NetworkNotPermitted) => 'N',
        Some(other) => panic!("{other:?} is none of the situations"),
    }
}
