// angular.ts
import type { HttpErrorResponse, HttpInterceptorFn } from '@angular/common/http'
import { signal } from '@angular/core'
import { tap } from 'rxjs'
import { bff } from './bff.ts'

export const session = signal(bff.snapshot())
bff.on('change', () => session.set(bff.snapshot()))

/** The token goes along by itself with `csrf: { cookie: true }`. This notices that the session is over. */
export const noticeEnd: HttpInterceptorFn = (request, next) =>
  next(request).pipe(
    tap({ error: ({ headers }: HttpErrorResponse) => headers.get('WWW-Authenticate') === 'BffSession' && void bff.session() }),
  )
