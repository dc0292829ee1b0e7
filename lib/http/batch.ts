import { isProblemSlug, Problem, type ProblemDocument } from '../problem.ts'

type Answer = { results: object[] }

/**
 * Answers a batch with 200 and a result for each member; `serverTime` lets clients notice that their clock is off. A batch
 * of one that was refused is that refusal.
 *
 * @throws Problem of the only member
 */
export function answerBatch(answer: Answer): Response {
  const [only, ...others] = answer.results
  if (only && others.length === 0 && 'problem' in only && isDocument(only.problem))
    throw asProblem(only.problem)
  return Response.json({ ...answer, serverTime: new Date().toISOString() })
}

function isDocument(value: unknown): value is ProblemDocument {
  return typeof value === 'object' && value !== null && 'type' in value
}

function asProblem({
  type,
  title: _title,
  status: _status,
  detail,
  ...extras
}: ProblemDocument): Problem {
  const slug = type.slice(type.lastIndexOf('/') + 1)
  return new Problem(isProblemSlug(slug) ? slug : 'internal', detail, extras)
}
