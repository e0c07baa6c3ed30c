"""Nonbonded forces: electrostatics and Lennard-Jones as NAMD computes them.

With PME one fast OpenMM kernel does both. Its switching function is OpenMM's, begun where it keeps the same
dispersion energy as NAMD's; the small difference to NAMD's own function is added to every reported energy, and
its mean (which depends on the volume only) to the integrated one. Without PME the energy functions are written
out and integrated exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import openmm

from namdrunner.demo.engine.groups import Group
from namdrunner.demo.engine.model import Model, Nonbonded, Pme
from namdrunner.demo.engine.switching import NAMD_SWITCH, QUINTIC_SWITCH, matching_start
from namdrunner.demo.engine.units import CHARGE_SCALE, COULOMB_NAMD, KJ, NM

LORENTZ = "eps=sqrt(e1*e2); sig=s1+s2"
INSIDE = "step({off}-r)"


def nonbonded_forces(model: Model) -> list[Any]:
    """All nonbonded forces, grouped by log column."""
    options = model.nonbonded
    forces = _written_out_forces(model) if options.pme is None else _fast_forces(model, options.pme)
    forces += _nbfix_forces(model)
    if options.tail_correction:
        forces.append(tail_correction(model))
    return forces


def _fast_forces(model: Model, pme: Pme) -> list[Any]:
    options = model.nonbonded
    kernel = _kernel(model, charges=True)
    kernel.setForceGroup(Group.ELECTROSTATIC)
    vdw_only = _kernel(model, charges=False)
    vdw_only.setForceGroup(Group.FAST_VDW)
    forces = [kernel, vdw_only, background_correction(model, pme)]
    if options.switching and options.switchdist < options.cutoff:
        start = matching_start(options.switchdist, options.cutoff)
        for force in forces[:2]:
            force.setUseSwitchingFunction(True)
            force.setSwitchingDistance(start * NM)
        forces += switch_corrections(model, start)
    return forces


def _kernel(model: Model, *, charges: bool) -> Any:
    """OpenMM's NonbondedForce with NAMD's Ewald parameters."""
    options, terms = model.nonbonded, model.terms.vdw
    force = openmm.NonbondedForce()
    scale = CHARGE_SCALE / options.dielectric**0.5 if charges else 0.0
    q = model.charges * scale
    rows = zip(q.tolist(), (terms.sigma * NM).tolist(), (terms.epsilon * KJ).tolist(), strict=True)
    for charge, sigma, epsilon in rows:
        force.addParticle(charge, sigma if sigma > 0 else 1.0, epsilon)
    for a, b in model.exclusions.excluded.tolist():
        force.addException(a, b, 0.0, 1.0, 0.0)
    epsilon14, sigma14 = one_four_vdw(model)
    modified = zip(model.exclusions.modified.tolist(), epsilon14.tolist(), sigma14.tolist(), strict=True)
    for (a, b), epsilon, sigma in modified:
        product = q[a] * q[b] * options.one_four_scaling
        force.addException(a, b, product, sigma * NM if sigma > 0 else 1.0, epsilon * KJ)
    force.setCutoffDistance(options.cutoff * NM)
    force.setUseDispersionCorrection(False)
    force.setExceptionsUsePeriodicBoundaryConditions(True)
    if charges and options.pme is not None:
        force.setNonbondedMethod(openmm.NonbondedForce.PME)
        force.setPMEParameters(options.pme.coefficient / NM, *options.pme.grid)
    else:
        force.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
        force.setReactionFieldDielectric(1.0)
    return force


def switch_corrections(model: Model, start: float) -> list[Any]:
    """NAMD's switching in place of the kernel's (which begins at `start`, A): pairs, 1-4 pairs, and the mean."""
    options, vdw = model.nonbonded, model.terms.vdw
    on, off = options.switchdist * NM, options.cutoff * NM
    constant12 = -((on * off) ** -6) if options.force_switching else 0.0
    constant6 = -((on * off) ** -3) if options.force_switching else 0.0
    begin = min(on, start * NM)
    # Near the cutoff the two functions are subtracted; nearer in their difference is a constant or nothing.
    expression = (
        f"4*eps*(sig^12*d12-sig^6*d6); d12=select(far,g12-kernel*r^-12,{constant12}); "
        f"d6=select(far,g6-kernel*r^-6,{constant6}); far=step(r-{begin}); {lennard_jones_parts(options)}; "
        f"kernel={QUINTIC_SWITCH.format(on=start * NM)}; x=(r-{start * NM})/{off - start * NM}"
    )
    pairs = _custom_force(model, f"{expression}; {LORENTZ}", {"e": vdw.epsilon * KJ, "s": vdw.sigma * NM / 2})
    pairs.setForceGroup(Group.SWITCH_CORRECTION)
    forces = [pairs]
    if options.force_switching:
        shift = f"4*eps*(sig^12*{constant12}-sig^6*{constant6})"
        forces += _one_four_vdw_force(model, shift, Group.SWITCH_CORRECTION)
        constant = (_tail_sum(model, options) - _tail_sum(model, potential_switching(options))) * -KJ * NM**3
        mean = openmm.CustomVolumeForce(f"{constant}/v")
        mean.setForceGroup(Group.MEAN_CORRECTION)
        forces.append(mean)
    return forces


def potential_switching(options: Nonbonded) -> Nonbonded:
    """The same options with NAMD's default switching."""
    return replace(options, force_switching=False)


def _written_out_forces(model: Model) -> list[Any]:
    """Lennard-Jones and electrostatics by their formulas, pairs three bonds apart included."""
    vdw = model.terms.vdw
    lj = f"4*eps*(sig^12*g12-sig^6*g6); {lennard_jones_parts(model.nonbonded)}"
    pairs = _custom_force(model, f"{lj}; {LORENTZ}", {"e": vdw.epsilon * KJ, "s": vdw.sigma * NM / 2})
    pairs.setForceGroup(Group.VDW)
    return [pairs, *_one_four_vdw_force(model, lj, Group.VDW), *_cutoff_electrostatics(model)]


def lennard_jones_parts(options: Nonbonded) -> str:
    """Definitions of g12 and g6, the switched r^-12 and r^-6."""
    on, off = options.switchdist * NM, options.cutoff * NM
    if not options.switching or on >= off:
        return "g12=g6*g6; g6=r^-6"
    if not options.force_switching:
        return f"g12=w*r^-12; g6=w*r^-6; w={NAMD_SWITCH.format(on=on, off=off)}"
    k12, k6 = off**6 / (off**6 - on**6), off**3 / (off**3 - on**3)
    return (
        f"g12=select(step(r-{on}), {k12}*(r^-6-{off**-6})^2, r^-12-{(on * off) ** -6}); "
        f"g6=select(step(r-{on}), {k6}*(r^-3-{off**-3})^2, r^-6-{(on * off) ** -3})"
    )


def _cutoff_electrostatics(model: Model) -> list[Any]:
    """Coulomb's law shifted to zero at the cutoff with switching on, plainly cut without."""
    options = model.nonbonded
    shift = f"(1-(r/{options.cutoff * NM})^2)^2" if options.switching else "1"
    constant = COULOMB_NAMD * KJ * NM / options.dielectric
    pairs = _custom_force(model, f"{constant}*q1*q2/r*{shift}", {"q": model.charges})
    pairs.setForceGroup(Group.ELECTROSTATIC)
    one_four = openmm.CustomBondForce(f"{INSIDE.format(off=options.cutoff * NM)}*{constant}*qq/r*{shift}")
    one_four.addPerBondParameter("qq")
    for a, b in model.exclusions.modified.tolist():
        one_four.addBond(a, b, [model.charges[a] * model.charges[b] * options.one_four_scaling])
    one_four.setUsesPeriodicBoundaryConditions(model.cell is not None)
    one_four.setForceGroup(Group.ELECTROSTATIC)
    return [pairs, one_four] if one_four.getNumBonds() else [pairs]


def _custom_force(model: Model, expression: str, parameters: dict[str, np.ndarray]) -> Any:
    """A pair force with the cutoff and exclusions of the model."""
    force = openmm.CustomNonbondedForce(expression)
    for name in parameters:
        force.addPerParticleParameter(name)
    for row in np.column_stack(list(parameters.values())).tolist():
        force.addParticle(row)
    for pairs in (model.exclusions.excluded, model.exclusions.modified):
        for a, b in pairs.tolist():
            force.addExclusion(a, b)
    method = force.CutoffNonPeriodic if model.cell is None else force.CutoffPeriodic
    force.setNonbondedMethod(method)
    force.setCutoffDistance(model.nonbonded.cutoff * NM)
    return force


def _one_four_vdw_force(model: Model, lj: str, group: Group) -> list[Any]:
    if not len(model.exclusions.modified):
        return []
    force = openmm.CustomBondForce(f"{INSIDE.format(off=model.nonbonded.cutoff * NM)}*{lj}")
    force.addPerBondParameter("eps")
    force.addPerBondParameter("sig")
    epsilon, sigma = one_four_vdw(model)
    rows = zip(model.exclusions.modified.tolist(), epsilon.tolist(), sigma.tolist(), strict=True)
    for (a, b), depth, size in rows:
        if depth:
            force.addBond(a, b, [depth * KJ, size * NM])
    force.setUsesPeriodicBoundaryConditions(model.cell is not None)
    force.setForceGroup(group)
    return [force]


def one_four_vdw(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Epsilon (kcal/mol) and sigma (A) of each modified pair, NBFIX heeded."""
    vdw, pairs = model.terms.vdw, model.exclusions.modified
    a, b = pairs[:, 0], pairs[:, 1]
    epsilon = np.sqrt(vdw.epsilon14[a] * vdw.epsilon14[b])
    sigma = 0.5 * (vdw.sigma14[a] + vdw.sigma14[b])
    low, high = np.minimum(vdw.types[a], vdw.types[b]), np.maximum(vdw.types[a], vdw.types[b])
    for (first, second), fix in vdw.pairs.items():
        chosen = (low == first) & (high == second)
        if chosen.any():
            epsilon[chosen] = fix.b14**2 / (4 * fix.a14) if fix.a14 else 0.0
            sigma[chosen] = (fix.a14 / fix.b14) ** (1 / 6) if fix.a14 and fix.b14 else 0.0
    return epsilon, sigma


def _nbfix_forces(model: Model) -> list[Any]:
    """The difference between NBFIX and the combination rule, for the few pairs of types concerned."""
    vdw = model.terms.vdw
    used = sorted({number for pair in vdw.pairs for number in pair})
    if not used:
        return []
    local = {number: position for position, number in enumerate(used)}
    members = {number: np.flatnonzero(vdw.types == number) for number in used}
    repulsion, attraction = np.zeros((len(used), len(used))), np.zeros((len(used), len(used)))
    for (first, second), fix in vdw.pairs.items():
        i, j = members[first][0], members[second][0]
        epsilon = np.sqrt(vdw.epsilon[i] * vdw.epsilon[j])
        sixth = (0.5 * (vdw.sigma[i] + vdw.sigma[j])) ** 6
        at = (local[first], local[second])
        repulsion[at] = repulsion[at[::-1]] = (fix.a - 4 * epsilon * sixth**2) * KJ * NM**12
        attraction[at] = attraction[at[::-1]] = (fix.b - 4 * epsilon * sixth) * KJ * NM**6
    kinds = np.array([local.get(int(number), 0) for number in vdw.types], dtype=float)
    parts = lennard_jones_parts(model.nonbonded)
    force = _custom_force(model, f"a(t1,t2)*g12-b(t1,t2)*g6; {parts}", {"t": kinds})
    size = len(used)
    force.addTabulatedFunction("a", openmm.Discrete2DFunction(size, size, repulsion.ravel().tolist()))
    force.addTabulatedFunction("b", openmm.Discrete2DFunction(size, size, attraction.ravel().tolist()))
    for first, second in vdw.pairs:
        force.addInteractionGroup(members[first].tolist(), members[second].tolist())
    force.setForceGroup(Group.VDW)
    return [force]


def background_correction(model: Model, pme: Pme) -> Any:
    """Takes away the energy of the uniform background by which OpenMM neutralises a charged cell; NAMD has none."""
    total = float(model.charges.sum())
    constant = np.pi * COULOMB_NAMD * total**2 / (2 * pme.coefficient**2 * model.nonbonded.dielectric)
    force = openmm.CustomVolumeForce(f"{constant * KJ * NM**3}/v")
    force.setForceGroup(Group.ELECTROSTATIC)
    return force


def tail_correction(model: Model) -> Any:
    """Energy of the Lennard-Jones interaction that switching and cutoff leave out, in a homogeneous liquid."""
    constant = _tail_sum(model, model.nonbonded) * KJ * NM**3
    force = openmm.CustomVolumeForce(f"{constant}/v")
    force.setForceGroup(Group.VDW)
    return force


def _tail_sum(model: Model, options: Nonbonded) -> float:
    """2 pi N^2 times the integral over what is left out, kcal/mol A^3 (Shirts et al., J. Phys. Chem. B 111, 13052)."""
    vdw = model.terms.vdw
    numbers, counts = np.unique(vdw.types, return_counts=True)
    first = np.array([np.argmax(vdw.types == number) for number in numbers])
    epsilon = np.sqrt(np.outer(vdw.epsilon[first], vdw.epsilon[first]))
    sixth = (0.5 * np.add.outer(vdw.sigma[first], vdw.sigma[first])) ** 6
    a, b = 4 * epsilon * sixth**2, 4 * epsilon * sixth
    place = {int(number): position for position, number in enumerate(numbers)}
    for (i, j), fix in vdw.pairs.items():
        at = (place[i], place[j])
        a[at] = a[at[::-1]] = fix.a
        b[at] = b[at[::-1]] = fix.b
    weight = np.outer(counts, counts).astype(float)
    repulsion, attraction = _left_out(options, 12), _left_out(options, 6)
    return float(2 * np.pi * (weight * (a * repulsion - b * attraction)).sum())


def _left_out(options: Nonbonded, power: int) -> float:
    """Integral of r^2 (r^-power - its switched form) from 0 to infinity, in A."""
    on, off = options.switchdist, options.cutoff
    beyond = off ** (3 - power) / (power - 3)
    if not options.switching or on >= off:
        return beyond
    r = np.linspace(on, off, 20001)
    if options.force_switching:
        half = power // 2
        k = off**half / (off**half - on**half)
        inside = (on * off) ** -half * on**3 / 3
        switched = k * (r**-half - off**-half) ** 2
    else:
        inside = 0.0
        w = (off**2 - r**2) ** 2 * (off**2 + 2 * r**2 - 3 * on**2) / (off**2 - on**2) ** 3
        switched = w * r**-power
    return float(inside + np.trapezoid(r**2 * (r**-power - switched), r) + beyond)
