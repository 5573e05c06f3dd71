/// Statuses: their names on the wire, which end, and what may follow what.
internal import Billing
internal import Testing

@Suite struct SubscriptionStatusTests {
    @Test(
        arguments: table(
            """
            name               | terminal
            incomplete         | no
            incomplete_expired | yes
            trialing           | no
            active             | no
            past_due           | no
            unpaid             | no
            canceled           | yes
            paused             | no
            hibernating        | no
            """))
    func `a name survives both ways, known or not, and only two are ends`(row: Row) {
        let status = SubscriptionStatus(rawValue: row.cells[0])
        #expect(status.rawValue == row.cells[0])
        #expect(status.isTerminal == (row.cells[1] == "yes"))
        #expect(SubscriptionStatus.known.contains(status) == (row.cells[0] != "hibernating"))
    }

    @Test(arguments: SubscriptionStatus.known + [.unknown("hibernating")])
    func `nothing follows an end but itself, and anything follows what lives`(status: SubscriptionStatus) {
        for next in SubscriptionStatus.known + [.unknown("hibernating")] {
            let isEnd = [.canceled, .incompleteExpired].contains(status)
            #expect(status.mayMove(to: next) == (!isEnd || next == status), "to \(next.rawValue)")
        }
    }
}
