"""Who made the models, what they allow, what is owed to them, and the proof that nothing was dropped.

    license = sign_license(read_license(data, source="acme.toml"), key)   # intaglio.licensing.license
    ledger = Ledger(open_store("intaglio.db"), signer=signer)             # intaglio.licensing.ledger
    ledger.publish(license)
    works = works_in_use(pipeline)                                        # intaglio.licensing.identity
    authorization = ledger.authorize(request, expires_after=timedelta(minutes=10))
    with ledger.store.transaction() as connection:
        ledger.commit(connection, authorization, [Delivered("00ff00ff00ff00ff")])
    close(ledger, "2026-11", now=now)                                     # intaglio.licensing.statements
    write_pack(ledger, "acme", "2026-11", folder, signer=signer)
    audit(folder / "audit-acme-2026-11.zip")                              # intaglio.licensing.auditor

A work is recognized by the digest of its tensors, never by its name. What no license covers is refused
before anything is generated. Every decision is a leaf of a Merkle tree (RFC 6962, ``transparency``), money is
settled once a month (``royalties``), and a rights holder checks both offline, with code that shares nothing
with what wrote them.
"""
